package io.diffuscope.demo;

import java.nio.file.Path;

/** A program that starts a trainer, prints its process id, and waits to be killed. */
final class TrainerParent {
  private TrainerParent() {}

  /** Arguments: template, training set, folder of the checkpoints. */
  public static void main(String[] arguments) throws Exception {
    TrainerProcess.Job job =
        new TrainerProcess.Job(
            Path.of(arguments[0]),
            Path.of(arguments[1]),
            Path.of(arguments[2]),
            1_000_000,
            TrainingSettings.withSeed(1));
    TrainerProcess trainer =
        TrainerProcess.start(
            job,
            new TrainerProcess.Listener() {
              private boolean told;

              @Override
              public void progress(TrainingProgress progress) {
                if (!told) {
                  System.out.println("training");
                  told = true;
                }
              }

              @Override
              public void line(String line) {
                System.err.println(line);
              }
            });
    System.out.println(trainer.pid());
    Thread.sleep(Long.MAX_VALUE);
  }
}
