package io.diffuscope.cli;

import java.io.PrintStream;
import java.time.Duration;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarConsumer;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/**
 * Lines that stay, and on a terminal one line below them that moves. Off a terminal the moving line
 * is left out, so that logs hold no control characters.
 */
final class StatusLine implements AutoCloseable {
  private static final int WIDTH = 100;

  private final PrintStream out;
  private final boolean moving;
  private final long startNanos = System.nanoTime();
  private String task = "";
  private long done;
  private long total;
  private String doing = "";
  private boolean closed;
  private @Nullable ProgressBar bar;

  private StatusLine(PrintStream out, boolean moving) {
    this.out = out;
    this.moving = moving;
  }

  /** A status line on any stream, with a moving line or without. */
  static StatusLine on(PrintStream out, boolean moving) {
    return new StatusLine(out, moving);
  }

  /** A status line on standard output. */
  static StatusLine onStandardOutput() {
    return new StatusLine(System.out, Terminal.isOutput());
  }

  /** A status line on standard error, for commands whose output is piped. */
  static StatusLine onStandardError() {
    return new StatusLine(System.err, Terminal.isError());
  }

  /** Whether there is a moving line; otherwise what is being done is seen nowhere. */
  boolean isMoving() {
    return moving;
  }

  /** Prints a line that stays. */
  synchronized void print(String line) {
    hide();
    out.println(line);
    out.flush();
    show();
  }

  /** What is being done now. */
  synchronized void doing(String what) {
    doing = what;
    show();
  }

  /** Progress of something with a known end, such as training steps. */
  synchronized void progress(String name, long position, long end) {
    if (!name.equals(task) || end != total) {
      hide();
      task = name;
      total = end;
    }
    done = position;
    show();
  }

  /** Takes the moving line away. */
  synchronized void clear() {
    doing = "";
    task = "";
    total = 0;
    hide();
  }

  private void show() {
    if (!moving || closed || (doing.isEmpty() && task.isEmpty())) {
      return;
    }
    ProgressBar shown = bar;
    if (shown == null) {
      ProgressBarBuilder builder =
          new ProgressBarBuilder()
              .setTaskName(task)
              .setInitialMax(total)
              .setStyle(ProgressBarStyle.UNICODE_BLOCK)
              .setMaxRenderedLength(WIDTH)
              .setUpdateIntervalMillis(200)
              .hideEta()
              .setConsumer(new LastLine(out))
              .startsFrom(done, Duration.ofNanos(System.nanoTime() - startNanos));
      if (total == 0) {
        // Nothing with a known end: words alone.
        builder.setRenderer((state, width) -> state.getExtraMessage());
      }
      shown = builder.build();
      bar = shown;
    }
    shown.stepTo(done);
    shown.setExtraMessage(" " + doing);
  }

  private void hide() {
    if (bar != null) {
      bar.close();
      // The library does not do it for a bar that is closed before its second refresh.
      out.print(LastLine.ERASE);
      out.flush();
      bar = null;
    }
  }

  /** Takes the moving line away for good; lines that stay can still be printed. */
  @Override
  public synchronized void close() {
    closed = true;
    clear();
  }

  /**
   * The last line of the terminal, written over and over. The library's own consumer ends it with a
   * line feed and leaves it there, so that every row below would be glued to it or follow a blank.
   */
  private record LastLine(PrintStream out) implements ProgressBarConsumer {
    private static final String ERASE = "\r\u001b[K";
    private static final String WRAP_OFF = "\u001b[?7l";
    private static final String WRAP_ON = "\u001b[?7h";

    @Override
    public int getMaxRenderedLength() {
      return WIDTH;
    }

    @Override
    public void accept(String line) {
      // In one call, because rows are printed by another thread. A narrow terminal cuts the line.
      out.print(ERASE + WRAP_OFF + line + WRAP_ON);
      out.flush();
    }

    @Override
    public void close() {}
  }
}
