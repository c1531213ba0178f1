package io.diffuscope.run;

import akka.serialization.SerializerWithStringManifest;
import java.io.IOException;
import java.io.NotSerializableException;

/** {@link RunEventCodec} as Akka calls it. */
public final class RunEventSerializer extends SerializerWithStringManifest {
  /** Stands beside every stored event, so it must never change. */
  static final int IDENTIFIER = 1_684_627_046;

  @Override
  public int identifier() {
    return IDENTIFIER;
  }

  @Override
  public String manifest(Object event) {
    return RunEventCodec.manifest((RunEvent) event);
  }

  @Override
  public byte[] toBinary(Object event) {
    return RunEventCodec.encode((RunEvent) event);
  }

  @Override
  public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
    try {
      return RunEventCodec.decode(manifest, bytes);
    } catch (IOException e) {
      NotSerializableException failure = new NotSerializableException(e.getMessage());
      failure.initCause(e);
      throw failure;
    }
  }
}
