package io.diffuscope.benchmark;

import ai.djl.Device;
import ai.djl.pytorch.jni.JniUtils;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.SigmaGrid;
import io.diffuscope.sampling.DenoisingSettings;
import io.diffuscope.sampling.FlowSettings;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeDevice;
import io.diffuscope.sampling.ProbeFiles;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.SetGeometry;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.random.RandomGenerator;

/**
 * The start of a run over a large set of images of 3x32x32, as the monitor makes it: neighbours
 * within the set, the empirical flow's endpoints, then the neighbours of samples. The network is a
 * number that its input is multiplied with, so that nearly all of the time is theirs. The second
 * start finds what the first one kept.
 */
final class ImageSetStart {
  private static final int CHANNELS = 3;
  private static final int SIDE = 32;
  private static final int D = CHANNELS * SIDE * SIDE;
  private static final int STEPS = 18;
  private static final int BATCH = 512;

  private final Path folder;
  private final int n;
  private final PrintStream out;

  ImageSetStart(Path folder, int n, PrintStream out) {
    this.folder = folder;
    this.n = n;
    this.out = out;
  }

  /** Two starts with this many samples. */
  void measure(int threads, int samples) throws Exception {
    JniUtils.setNumThreads(threads);
    Path own = Files.createDirectories(folder.resolve("images"));
    Path images = own.resolve("images.npy");
    report("drawing %d images into a file of uint8".formatted(n), () -> draw(images), 0);
    ProbeFiles files = new ProbeFiles(own);
    Path checkpoint = files.resource("/io/diffuscope/model/nan-below.safetensors");
    ProbeSpec spec =
        new ProbeSpec(
            files.resource("/io/diffuscope/model/no-settings.pt").toString(),
            new NetworkSettings.Overrides(
                "{\"preconditioning\": \"edm\", \"sigma_data\": 0.5, \"shape\": [3, 32, 32]}"),
            images.toString(),
            null,
            null,
            null,
            0,
            samples,
            BATCH,
            new FlowSettings(FlowSettings.Solver.HEUN, SigmaGrid.edm(STEPS)),
            new DenoisingSettings(List.of(), 1, 2),
            own.resolve("cache").toString(),
            1L << 30);
    for (String start : new String[] {"first", "second"}) {
      out.printf("  %s start, %d thread(s)%n", start, threads);
      start(spec, checkpoint, start.equals("first"));
      out.printf("    memory at most so far: %s%n", ResidentMemory.peak());
    }
  }

  private void start(ProbeSpec spec, Path checkpoint, boolean isFirst) throws Exception {
    double search = 2.0 * spec.batchSize() * n * D;
    try (Probe probe = Probe.open(spec);
        ProbeDevice device = ProbeDevice.load(probe, Device.cpu())) {
      int blocks = probe.sampleBlocks();
      report(
          "neighbours within the set",
          () -> device.useGeometry(device.geometry().complete()),
          isFirst ? 2.0 * n * n * D : 0);
      report(
          "endpoints of the empirical flow, %d Heun steps".formatted(STEPS),
          () -> {
            for (int block = 0; block < blocks; block++) {
              device.referenceBlock(Reference.TRAIN, block).complete();
            }
          },
          isFirst ? (2.0 * STEPS - 1) * 2 * search * blocks : 0);
      device.useCheckpoint("checkpoint", WeightsLocation.of(checkpoint));
      // The first time the endpoints' own neighbours are looked for, too.
      for (int searches = 2; searches >= 1; searches--) {
        report(
            "sampling %d and their neighbours%s"
                .formatted(probe.samples(), searches == 2 ? ", and the endpoints'" : ""),
            () -> {
              for (int block = 0; block < blocks; block++) {
                device.sampleBlock(block).complete();
              }
            },
            searches * 2.0 * probe.samples() * n * D);
      }
      out.printf("    near duplicates: %s%n", duplicates(device));
    }
  }

  private static String duplicates(ProbeDevice device) throws BadInputException {
    SetGeometry geometry = device.geometry().complete();
    return "%d of the images share a group".formatted(geometry.duplicates().trainNear());
  }

  /** Something that takes time. */
  private interface Work {
    void run() throws Exception;
  }

  private void report(String what, Work work, double operations) throws Exception {
    double processorsBefore = processorSeconds();
    long start = System.nanoTime();
    work.run();
    double seconds = (System.nanoTime() - start) * 1e-9;
    double processors = processorSeconds() - processorsBefore;
    out.printf(
        Locale.ROOT,
        "    %s: %.1f s, %.1f s of processors%s%n",
        what,
        seconds,
        processors,
        operations == 0
            ? ""
            : String.format(
                Locale.ROOT,
                ", %.0f GFLOP, %.1f GFLOP/s, %.1f for each second of a processor",
                operations * 1e-9,
                operations / seconds * 1e-9,
                operations / processors * 1e-9));
  }

  /** Of all threads of this process: other programs at work hardly move it. */
  private static double processorSeconds() {
    return ProcessHandle.current()
        .info()
        .totalCpuDuration()
        .map(duration -> duration.toMillis() * 1e-3)
        .orElse(Double.NaN);
  }

  /** Discs and bars of random colours on a background that changes from left to right. */
  private void draw(Path file) throws IOException {
    String shape = "(%d, %d, %d, %d)".formatted(n, CHANNELS, SIDE, SIDE);
    String header = "{'descr': '|u1', 'fortran_order': False, 'shape': %s, }".formatted(shape);
    int length = 128 - 10;
    try (OutputStream npy = new BufferedOutputStream(Files.newOutputStream(file))) {
      npy.write(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) length, 0});
      npy.write(
          (header + " ".repeat(length - 1 - header.length()) + "\n")
              .getBytes(StandardCharsets.US_ASCII));
      RandomGenerator random = ProbeFiles.random(1);
      for (int i = 0; i < n; i++) {
        npy.write(image(random));
      }
    }
  }

  private static byte[] image(RandomGenerator random) {
    byte[] image = new byte[D];
    int[] left = colour(random);
    int[] right = colour(random);
    for (int i = 0; i < D; i++) {
      int channel = i / (SIDE * SIDE);
      int x = i % SIDE;
      image[i] = (byte) (left[channel] + (right[channel] - left[channel]) * x / (SIDE - 1));
    }
    for (int shape = random.nextInt(1, 4); shape > 0; shape--) {
      boolean isDisc = random.nextBoolean();
      int[] colour = colour(random);
      int centreX = random.nextInt(SIDE);
      int centreY = random.nextInt(SIDE);
      int radius = random.nextInt(3, 12);
      int height = random.nextInt(2, 8);
      for (int i = 0; i < D; i++) {
        int x = i % SIDE - centreX;
        int y = i / SIDE % SIDE - centreY;
        boolean inside =
            isDisc
                ? x * x + y * y <= radius * radius
                : Math.abs(x) <= radius && Math.abs(y) <= height;
        if (inside) {
          image[i] = (byte) colour[i / (SIDE * SIDE)];
        }
      }
    }
    return image;
  }

  private static int[] colour(RandomGenerator random) {
    return random.ints(CHANNELS, 0, 256).toArray();
  }
}
