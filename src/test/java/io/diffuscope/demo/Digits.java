package io.diffuscope.demo;

import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.NpzFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The digits resource, for tests. */
@SuppressWarnings("ArrayRecordComponent") // A short-lived carrier of a test.
record Digits(double[] images, double[] labels) {
  static final int SIZE = 64;

  static Digits read(Path folder) throws IOException {
    Path file = DemoResource.DIGITS.copyTo(folder.resolve("digits-of-test.npz"));
    try (NpzFile archive = NpzFile.open(file);
        ArrayFile images = archive.array("images");
        ArrayFile labels = archive.array("labels")) {
      return new Digits(images.readDoubles(), labels.readDoubles());
    }
  }

  int[] counts() {
    int[] counts = new int[10];
    for (double label : labels) {
      counts[(int) label]++;
    }
    return counts;
  }

  /** All digits at x / 8 - 1. */
  List<double[]> scaled() {
    List<double[]> points = new ArrayList<>();
    for (int i = 0; i < labels.length; i++) {
      points.add(point(i));
    }
    return points;
  }

  /** The digits of one class at x / 8 - 1. */
  List<double[]> ofClass(int label) {
    List<double[]> points = new ArrayList<>();
    for (int i = 0; i < labels.length; i++) {
      if (labels[i] == label) {
        points.add(point(i));
      }
    }
    return points;
  }

  private double[] point(int index) {
    double[] point = new double[SIZE];
    for (int j = 0; j < SIZE; j++) {
      point[j] = images[index * SIZE + j] / 8 - 1;
    }
    return point;
  }
}
