package io.diffuscope.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.ElementType;
import io.diffuscope.tensorfile.TensorInfo;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Names as trainers really write them. */
class TemplateMatchTest {
  private static final Path FILE = Path.of("checkpoint.pt");
  private static final List<String> NETWORK =
      List.of("time_embed.0.weight", "out.0.bias", "input_blocks.10.1.proj.weight");

  private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "module.",
        "_orig_mod.",
        "_orig_mod.module.",
        "state_dict.model.diffusion_model.",
        "ema.",
        "model.state_dict.net._orig_mod."
      })
  void whateverStandsBeforeTheNames(String prefix) throws Exception {
    copy(prefix);
    TemplateMatch match = match(null);
    assertThat(match.isComplete()).isTrue();
    assertThat(match.choice().prefix() + (prefix.isEmpty() ? "" : ".")).isEqualTo(prefix);
    assertThat(match.tensors()).containsEntry("out.0.bias", prefix + "out.0.bias");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "net.", "model.diffusion_model."})
  void whateverStandsBeforeTheTemplatesOwnNames(String prefix) throws Exception {
    copy("ema.module.");
    TemplateMatch match = match(parameters(prefix, NETWORK), Set.of(), null);
    assertThat(match.isComplete()).isTrue();
    assertThat(match.tensors())
        .hasSize(3)
        .containsEntry(prefix + "out.0.bias", "ema.module.out.0.bias");
  }

  @Test
  void aWrapperThatBothSidesHaveIsNoPlaceInTheFile() throws Exception {
    copy("ema.model.");
    copy("net.model.");
    TemplateMatch match = match(parameters("model.", NETWORK), Set.of(), null);
    assertThat(match.choice()).isEqualTo(new WeightsChoice("ema", true, List.of("net")));
  }

  /** What lies in one file, which is chosen, and whether it is an average. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        // DiT, SiT
        "model. ema. | ema | true",
        // lucidrains: the average keeps a copy of the weights that it follows
        "model.model. ema.online_model.model. ema.ema_model.model. | ema.ema_model.model | true",
        // k-diffusion
        "model.inner_model. model_ema.inner_model. | model_ema.inner_model | true",
        // Lightning: a member of the module; its own averaging callback
        "state_dict.net. state_dict.net_ema. | state_dict.net_ema | true",
        "state_dict.model. current_model_state.model. | state_dict.model | false",
        "state_dict.unet. callbacks.EMA.ema_state_dict.unet. | callbacks.EMA.ema_state_dict.unet |"
            + " true",
        "unet. unet_ema. | unet_ema | true",
        "model. averaged_model.module. | averaged_model.module | true",
        "model. ema_0.9999. | ema_0.9999 | true",
        // Nothing but the words themselves counts.
        "schema. / | '' | false",
        // The template's own names before others.
        "target. / | '' | false",
        // Numbers of the optimizer with the parameters' names.
        "model. optimizer.exp_avg. optimizer.state.exp_avg_sq. | model | false",
        "opt. model. | model | false",
      })
  void averagedWeightsArePreferred(String prefixes, String chosen, boolean averaged)
      throws Exception {
    for (String prefix : prefixes.strip().split(" ", -1)) {
      copy(prefix.equals("/") ? "" : prefix);
    }
    TemplateMatch match = match(null);
    assertThat(match.isComplete()).isTrue();
    assertThat(match.choice().prefix()).isEqualTo(chosen);
    assertThat(match.choice().averaged()).isEqualTo(averaged);
  }

  @Test
  void whatNamesCannotDecideIsAsked() throws Exception {
    copy("model.");
    copy("target_model.");
    BadInputException asked = catchThrowableOfType(BadInputException.class, () -> match(null));
    assertThat(asked.reason()).isEqualTo(Reason.MISMATCH);
    assertThat(asked)
        .hasMessageContaining("2 times, under model, target_model")
        .hasMessageContaining("--weights model");
    assertThat(match("target_model").tensors())
        .containsEntry("out.0.bias", "target_model.out.0.bias");
  }

  @Test
  void onlyThePartAskedForIsLookedAt() throws Exception {
    copy("state_dict.model.");
    copy("state_dict.model_ema.");
    copy("");
    assertThat(match("state_dict").choice().prefix()).isEqualTo("state_dict.model_ema");
    assertThat(match("state_dict.model").choice())
        .isEqualTo(new WeightsChoice("state_dict.model", false, List.of()));
    assertThat(match("").choice().prefix()).isEmpty();
    BadInputException absent = catchThrowableOfType(BadInputException.class, () -> match("gen"));
    assertThat(absent).hasMessageContaining("nothing below \"gen\"");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "model. ema. | ema | model",
        "state_dict.model. state_dict.model_ema. | state_dict.model_ema | state_dict.model",
        "state_dict.model. current_model_state.model. | state_dict.model |"
            + " current_model_state.model",
        "ema.online_model. ema.ema_model. | ema.ema_model | ema.online_model",
      })
  void averagedAndRawAreFoundWhereverTheyLie(String prefixes, String averaged, String raw)
      throws Exception {
    List.of(prefixes.split(" ")).forEach(this::copy);
    assertThat(match("ema").choice().prefix()).isEqualTo(averaged);
    assertThat(match("raw").choice().prefix()).isEqualTo(raw);
  }

  @Test
  void noAveragedWeightsAreNotReplacedByOthers() {
    copy("state_dict.");
    BadInputException absent = catchThrowableOfType(BadInputException.class, () -> match("ema"));
    assertThat(absent).hasMessageContaining("no averaged (EMA) weights");
  }

  /** LitEma registers averages as buffers, whose names hold no dots. */
  @Test
  void averagesOfLatentDiffusionLoseTheirDots() throws Exception {
    copy("state_dict.model.diffusion_model.");
    for (String name : NETWORK) {
      add("state_dict.model_ema.diffusion_model" + name.replace(".", ""), TensorShape.of(3));
    }
    add("state_dict.model_ema.decay", TensorShape.of());
    add("state_dict.model_ema.num_updates", TensorShape.of());
    add("state_dict.first_stage_model.encoder.weight", TensorShape.of(3));
    TemplateMatch match = match(null);
    assertThat(match.isComplete()).isTrue();
    assertThat(match.choice())
        .isEqualTo(
            new WeightsChoice(
                "state_dict.model_ema", true, List.of("state_dict.model.diffusion_model")));
    assertThat(match.tensors())
        .containsEntry("out.0.bias", "state_dict.model_ema.diffusion_modelout0bias");
    assertThat(match.extra())
        .containsExactly("state_dict.model_ema.decay", "state_dict.model_ema.num_updates");
  }

  @Test
  void aCopyOfOtherShapesIsNoneOfTheNetwork() throws Exception {
    copy("model.");
    NETWORK.forEach(name -> add("discriminator_ema." + name, TensorShape.of(5)));
    assertThat(match(null).choice()).isEqualTo(new WeightsChoice("model", false, List.of()));
  }

  @Test
  void saysWhatIsMissingOfAnothersShapeAndExtra() throws Exception {
    add("ema.out.0.bias", TensorShape.of(3));
    add("ema.time_embed.0.weight", TensorShape.of(4, 2));
    add("ema.more", TensorShape.of(1));
    add("elsewhere", TensorShape.of(1));
    TemplateMatch match = match(null);
    assertThat(match.isComplete()).isFalse();
    assertThat(match.missing()).containsExactly("input_blocks.10.1.proj.weight [3]");
    assertThat(match.wrongShapes())
        .containsExactly("ema.time_embed.0.weight is [4, 2], the template's is [3]");
    assertThat(match.extra()).containsExactly("ema.more");
  }

  @Test
  void buffersOfTheTemplateAreLostOnlyWhereTheyAreNumbersThatItComputesWith() throws Exception {
    copy("model.");
    add("model.norm.running_mean", TensorShape.of(3));
    tensors.put(
        "model.norm.num_batches_tracked",
        new TensorInfo("model.norm.num_batches_tracked", ElementType.I64, TensorShape.of()));
    add("other.norm.running_mean", TensorShape.of(3));
    Set<String> buffers = Set.of("running_mean", "num_batches_tracked");
    TemplateMatch match = match(parameters("", NETWORK), buffers, null);
    assertThat(match.lostBuffers()).containsExactly("model.norm.running_mean");
    assertThat(match.isComplete()).isFalse();
  }

  @Test
  void aFileWithoutAnyOfItHasNothing() throws Exception {
    add("lora.up", TensorShape.of(3));
    TemplateMatch match = match(null);
    assertThat(match.missing()).hasSize(3);
    assertThat(match.tensors()).isEmpty();
    assertThat(match.extra()).containsExactly("lora.up");
  }

  @Test
  void thousandsOfParametersAmongTensOfThousandsOfTensors() throws Exception {
    List<String> names =
        Stream.iterate(0, i -> i + 1)
            .limit(2000)
            .map(i -> "blocks.%d.layers.%d.weight".formatted(i / 40, i % 40))
            .toList();
    for (String prefix :
        List.of("model.", "ema.", "opt.exp_avg.", "opt.exp_avg_sq.", "a.b.c.d.e.")) {
      names.forEach(name -> add(prefix + name, TensorShape.of(3)));
    }
    TemplateMatch match = match(parameters("", names), Set.of(), null);
    assertThat(match.isComplete()).isTrue();
    assertThat(match.choice())
        .isEqualTo(new WeightsChoice("ema", true, List.of("a.b.c.d.e", "model")));
  }

  private void copy(String prefix) {
    NETWORK.forEach(name -> add(prefix + name, TensorShape.of(3)));
  }

  private void add(String name, TensorShape shape) {
    tensors.put(name, new TensorInfo(name, ElementType.F32, shape));
  }

  private static Map<String, TensorShape> parameters(String prefix, List<String> names) {
    Map<String, TensorShape> parameters = new LinkedHashMap<>();
    names.forEach(name -> parameters.put(prefix + name, TensorShape.of(3)));
    return parameters;
  }

  private TemplateMatch match(@Nullable String part) throws BadInputException {
    return match(parameters("", NETWORK), Set.of(), part);
  }

  private TemplateMatch match(
      Map<String, TensorShape> parameters, Set<String> buffers, @Nullable String part)
      throws BadInputException {
    return TemplateMatch.of(parameters, buffers, FILE, tensors, part);
  }
}
