package io.diffuscope.run;

import io.diffuscope.signal.SignalCatalogue;

/**
 * How a signal stands in a run.
 *
 * @param entry the signal
 * @param word how it is switched: on, off, or every k
 * @param measured whether it is measured
 * @param why what it is measured against, or why it is off; empty where there is nothing to say
 */
public record SignalStanding(SignalCatalogue entry, String word, boolean measured, String why) {}
