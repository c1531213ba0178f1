package io.diffuscope.run;

import java.util.HashMap;
import java.util.Map;

/**
 * Letters of 5 x 7 pixels, drawn for the sheets of {@link EvidenceSheet}: small Java runtimes come
 * without fonts, and a sheet looks the same on every machine.
 */
final class PixelText {
  /** Pixels from one letter to the next. */
  static final int ADVANCE = 6;

  /** Pixels of a letter's height; some have two more below the line. */
  static final int HEIGHT = 7;

  private static final int WIDTH = 5;

  private static final Map<Character, String[]> GLYPHS =
      parsed(
          """
              0 .###. #...# #..## #.#.# ##..# #...# .###.
              1 ..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.
              2 .###. #...# ....# ..##. .#... #.... #####
              3 .###. #...# ....# ..##. ....# #...# .###.
              4 ...#. ..##. .#.#. #..#. ##### ...#. ...#.
              5 ##### #.... ####. ....# ....# #...# .###.
              6 ..##. .#... #.... ####. #...# #...# .###.
              7 ##### ....# ...#. ..#.. ..#.. ..#.. ..#..
              8 .###. #...# #...# .###. #...# #...# .###.
              9 .###. #...# #...# .#### ....# ...#. .##..
              a ..... ..... .###. ....# .#### #...# .####
              b #.... #.... ####. #...# #...# #...# ####.
              c ..... ..... .###. #.... #.... #.... .###.
              d ....# ....# .#### #...# #...# #...# .####
              e ..... ..... .###. #...# ##### #.... .###.
              f ..##. .#... ####. .#... .#... .#... .#...
              g ..... ..... .#### #...# #...# #...# .#### ....# .###.
              h #.... #.... ####. #...# #...# #...# #...#
              i ..#.. ..... .##.. ..#.. ..#.. ..#.. .###.
              j ...#. ..... ..##. ...#. ...#. ...#. ...#. #..#. .##..
              k #.... #.... #..#. #.#.. ##... #.#.. #..#.
              l .##.. ..#.. ..#.. ..#.. ..#.. ..#.. .###.
              m ..... ..... ##.#. #.#.# #.#.# #.#.# #.#.#
              n ..... ..... ####. #...# #...# #...# #...#
              o ..... ..... .###. #...# #...# #...# .###.
              p ..... ..... ####. #...# #...# #...# ####. #.... #....
              q ..... ..... .#### #...# #...# #...# .#### ....# ....#
              r ..... ..... #.##. ##... #.... #.... #....
              s ..... ..... .#### #.... .###. ....# ####.
              t .#... .#... ####. .#... .#... .#... ..##.
              u ..... ..... #...# #...# #...# #...# .####
              v ..... ..... #...# #...# #...# .#.#. ..#..
              w ..... ..... #.#.# #.#.# #.#.# #.#.# .#.#.
              x ..... ..... #...# .#.#. ..#.. .#.#. #...#
              y ..... ..... #...# #...# #...# #...# .#### ....# .###.
              z ..... ..... ##### ...#. ..#.. .#... #####
              . ..... ..... ..... ..... ..... .##.. .##..
              , ..... ..... ..... ..... .##.. ..#.. .#...
              : ..... .##.. .##.. ..... .##.. .##.. .....
              / ....# ....# ...#. ..#.. .#... #.... #....
              - ..... ..... ..... ##### ..... ..... .....
              + ..... ..#.. ..#.. ##### ..#.. ..#.. .....
              < ...#. ..#.. .#... #.... .#... ..#.. ...#.
              = ..... ..... ##### ..... ##### ..... .....
              ( ...#. ..#.. .#... .#... .#... ..#.. ...#.
              ) .#... ..#.. ...#. ...#. ...#. ..#.. .#...
          """);

  private PixelText() {}

  /** What is drawn of a text. */
  @FunctionalInterface
  interface Ink {
    /** One pixel of the text, from its upper left corner. */
    void dot(int x, int y);
  }

  private static Map<Character, String[]> parsed(String table) {
    Map<Character, String[]> glyphs = new HashMap<>();
    table
        .lines()
        .map(line -> line.strip().split(" "))
        .filter(parts -> parts.length > HEIGHT)
        .forEach(parts -> glyphs.put(parts[0].charAt(0), parts));
    return glyphs;
  }

  /**
   * Draws a text of lower case letters, digits and a few signs; what it does not know is left
   * blank.
   */
  static void draw(String text, Ink ink) {
    for (int i = 0; i < text.length(); i++) {
      String[] glyph = GLYPHS.get(text.charAt(i));
      for (int y = 0; glyph != null && y < glyph.length - 1; y++) {
        for (int x = 0; x < WIDTH; x++) {
          if (glyph[1 + y].charAt(x) == '#') {
            ink.dot(i * ADVANCE + x, y);
          }
        }
      }
    }
  }

  /** Whether every sign of a text can be drawn. */
  static boolean knows(String text) {
    return text.chars().allMatch(c -> c == ' ' || GLYPHS.containsKey((char) c));
  }
}
