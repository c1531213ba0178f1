package io.diffuscope.run;

import java.io.IOException;

/** An event of a name, or in a form, that this version of the program does not know. */
public final class UnknownEventException extends IOException {
  private static final long serialVersionUID = 1;

  UnknownEventException(String manifest) {
    super(
        "no event is called \"%s\": it was written by a newer version of diffuscope; use that version, or a newer one"
            .formatted(manifest));
  }
}
