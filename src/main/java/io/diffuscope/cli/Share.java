package io.diffuscope.cli;

import io.diffuscope.cli.SettingsReader.InvalidSettingException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A share as people write it: with a percent sign ({@code 10%}), or as a fraction with a decimal
 * point ({@code 0.1}, {@code 1.0}). A whole number alone could be meant as either and is refused.
 */
final class Share {
  private static final Pattern FORM = Pattern.compile("(\\d+|\\d*\\.\\d+)\\s*(%?)");

  private Share() {}

  /**
   * The share, 1 for all.
   *
   * @throws InvalidSettingException if it is in neither form
   */
  static double of(String text) {
    Matcher form = FORM.matcher(text.strip());
    if (!form.matches()) {
      throw refused(text, "give a share such as 10% or 0.1");
    }
    String digits = form.group(1);
    double value = Double.parseDouble(digits);
    if (form.group(2).equals("%")) {
      return value / 100;
    }
    if (value > 1 || !digits.contains(".")) {
      throw refused(
          text,
          "a share needs its percent sign: write %s%%%s"
              .formatted(digits, value == 1 ? ", or 100% for all of the time" : ""));
    }
    return value;
  }

  private static InvalidSettingException refused(String text, String remedy) {
    return new InvalidSettingException(
        "the budget (--budget, diffuscope.checkpoints.budget) is \"%s\": %s"
            .formatted(text, remedy),
        null);
  }
}
