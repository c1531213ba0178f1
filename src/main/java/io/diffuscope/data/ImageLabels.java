package io.diffuscope.data;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * EDM's file of labels, {@code {"labels": [["00000/img00000000.png", 6], ...]}}: a class for every
 * image by its path, as a whole number or as one-hot numbers; null for a set without labels.
 */
final class ImageLabels {
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  /** As in arrays of labels. */
  private static final int MOST_LABEL = 1 << 24;

  private final String source;
  private final Map<String, Integer> byName = new HashMap<>();

  private ImageLabels(String source) {
    this.source = source;
  }

  /**
   * The classes of images.
   *
   * @param source what to call the file in messages
   * @param json its content
   * @param names the images, in the points' order
   * @return {@code [N]}, or null where the file says that there are none
   * @throws BadInputException MALFORMED, or MISMATCH where an image has no label
   */
  static int @Nullable [] read(String source, byte[] json, List<String> names)
      throws BadInputException {
    ImageLabels labels = new ImageLabels(source);
    try (JsonParser in = JSON.createParser(json)) {
      if (!labels.parse(in)) {
        return null;
      }
    } catch (JsonProcessingException e) {
      throw malformed(source, "is not valid JSON", e);
    } catch (BadInputException e) {
      throw e;
    } catch (IOException impossible) {
      throw new IllegalStateException("a byte array cannot fail to be read", impossible);
    }
    return labels.of(names);
  }

  private boolean parse(JsonParser in) throws IOException {
    boolean found = false;
    require(in.nextToken() == JsonToken.START_OBJECT, "is not a JSON object");
    while (in.nextToken() == JsonToken.FIELD_NAME) {
      boolean labels = in.currentName().equals("labels");
      JsonToken value = in.nextToken();
      if (labels && value != JsonToken.VALUE_NULL) {
        require(value == JsonToken.START_ARRAY, "has labels that are no list");
        while (in.nextToken() != JsonToken.END_ARRAY) {
          entry(in);
        }
        found = true;
      } else {
        in.skipChildren();
      }
    }
    require(in.nextToken() == null, "goes on after its end");
    return found;
  }

  private void entry(JsonParser in) throws IOException {
    String shape = "has a label that is not [PATH, CLASS]";
    require(in.currentToken() == JsonToken.START_ARRAY, shape);
    require(in.nextToken() == JsonToken.VALUE_STRING, shape);
    // As EDM's reader does for sets that were made under Windows.
    String name = in.getText().replace('\\', '/');
    in.nextToken();
    int label = in.currentToken() == JsonToken.START_ARRAY ? oneHot(in, name) : number(in, name);
    require(in.nextToken() == JsonToken.END_ARRAY, shape);
    require(byName.put(name, label) == null, "labels " + name + " twice");
  }

  private int number(JsonParser in, String name) throws IOException {
    boolean whole = in.currentToken() == JsonToken.VALUE_NUMBER_INT;
    boolean fits = whole && in.getNumberType() == JsonParser.NumberType.INT;
    require(
        fits && in.getIntValue() >= 0 && in.getIntValue() <= MOST_LABEL,
        "gives " + name + " a label that is no class; classes are whole numbers from 0 on");
    return in.getIntValue();
  }

  private int oneHot(JsonParser in, String name) throws IOException {
    String wrong =
        "gives " + name + " a list of numbers that is not one-hot, so that it has no class";
    int label = -1;
    for (int i = 0; in.nextToken() != JsonToken.END_ARRAY; i++) {
      require(in.currentToken() != null && in.currentToken().isNumeric(), wrong);
      double value = in.getDoubleValue();
      require(value == 0 || (value == 1 && label < 0), wrong);
      if (value == 1) {
        label = i;
      }
    }
    require(label >= 0, wrong);
    return label;
  }

  private int[] of(List<String> names) throws BadInputException {
    int[] labels = new int[names.size()];
    for (int i = 0; i < labels.length; i++) {
      Integer label = byName.get(names.get(i));
      if (label == null) {
        throw new BadInputException(
            source,
            Reason.MISMATCH,
            "has no label of "
                + names.get(i)
                + "; label every image, or give the classes as an array file",
            null);
      }
      labels[i] = label;
    }
    return labels;
  }

  private void require(boolean right, String otherwise) throws BadInputException {
    if (!right) {
      throw malformed(source, otherwise, null);
    }
  }

  private static BadInputException malformed(
      String source, String cause, @Nullable Throwable failure) {
    return new BadInputException(
        source,
        Reason.MALFORMED,
        cause + "; write the set again with EDM's dataset_tool.py",
        failure);
  }
}
