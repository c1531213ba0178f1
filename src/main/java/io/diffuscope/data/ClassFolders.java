package io.diffuscope.data;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Folders that are classes, as torchvision's {@code ImageFolder} reads them: {@code cat/1.png} and
 * {@code dog/1.png}, numbered in the order of their names.
 *
 * <p>Only where there can be no doubt: every image lies in exactly one folder below the set's, and
 * there are two folders or more. The folders {@code 00000}, {@code 00001}, ... of images {@code
 * img00000000.png} are no classes: EDM's tool puts each thousand of images into another one.
 *
 * @param names what class i is called
 * @param labels the class of every image, {@code [N]}
 */
record ClassFolders(List<String> names, int[] labels) {
  private static final Pattern EDM = Pattern.compile("\\d{5}/img\\d{8}\\.[A-Za-z]+");

  /**
   * The classes of images.
   *
   * @param paths of the images below the set's folder, in the points' order
   * @return null where the folders are not classes
   */
  static @Nullable ClassFolders of(List<String> paths) {
    TreeSet<String> folders = new TreeSet<>(ImageNames.ORDER);
    boolean edm = true;
    for (String path : paths) {
      int end = path.indexOf('/');
      if (end < 0 || path.indexOf('/', end + 1) >= 0) {
        return null;
      }
      folders.add(path.substring(0, end));
      edm &= EDM.matcher(path).matches();
    }
    if (edm || folders.size() < 2) {
      return null;
    }
    List<String> names = List.copyOf(folders);
    Map<String, Integer> numbers = new HashMap<>();
    names.forEach(name -> numbers.put(name, numbers.size()));
    int[] labels =
        paths.stream()
            .mapToInt(path -> numbers.getOrDefault(path.substring(0, path.indexOf('/')), -1))
            .toArray();
    return new ClassFolders(names, labels);
  }
}
