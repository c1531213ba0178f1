package io.diffuscope.checkpoint;

import io.diffuscope.checkpoint.Alternative.Kind;
import io.diffuscope.checkpoint.FileLayout.Grouping;
import io.diffuscope.checkpoint.FileLayout.Member;
import io.diffuscope.checkpoint.FolderLayout.Place;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The layouts of the trainers that are known, one declaration each, checked against the trainers'
 * public sources.
 */
final class KnownLayouts {
  /** Of {@code save_pretrained}: one file, or shards and an index that is written last. */
  private static final List<String> DIFFUSERS_FILES =
      List.of(
          "diffusion_pytorch_model.safetensors",
          "diffusion_pytorch_model.safetensors.index.json",
          "diffusion_pytorch_model.bin",
          "diffusion_pytorch_model.bin.index.json");

  private static final List<Place> DIFFUSERS_PLACES =
      List.of(
          Place.of("unet_ema", Kind.AVERAGED, "unet_ema", DIFFUSERS_FILES),
          Place.of("transformer_ema", Kind.AVERAGED, "transformer_ema", DIFFUSERS_FILES),
          Place.of("unet", Kind.RAW, "unet", DIFFUSERS_FILES),
          Place.of("transformer", Kind.RAW, "transformer", DIFFUSERS_FILES));

  private static final Place DISTRIBUTED = Place.of("distributed", Kind.EITHER, "", List.of());

  /**
   * Written by {@code Accelerator.save_state} after everything but custom objects. The process that
   * writes the weights writes number 0; the others write theirs at any time.
   */
  private static final FolderMarker RANDOM_STATES =
      new FolderMarker("random_states_0.pkl", "random_states_", Duration.ZERO);

  /** By order of precedence: where several recognise a directory, the first is taken. */
  static final List<Layout> ALL =
      List.of(
          new FolderLayout(
              "diffusers",
              "checkpoint-N/ with unet, unet_ema, transformer or transformer_ema, of diffusers'"
                  + " training scripts",
              Pattern.compile("checkpoint-(?<step>\\d+)"),
              DIFFUSERS_PLACES,
              Pattern.compile("(unet|transformer)(_ema)?"),
              RANDOM_STATES),
          new FolderLayout(
              "prime-rl",
              "step_N/ with model.safetensors and STABLE, of prime-rl",
              Pattern.compile("step_(?<step>\\d+)"),
              List.of(model(0)),
              Pattern.compile("STABLE"),
              FolderMarker.of("STABLE")),
          new FolderLayout(
              "accelerate",
              "checkpoint_N/, step_N/ or epoch_N/ with model.safetensors and random states, of"
                  + " Accelerator.save_state",
              Pattern.compile("(?:checkpoint|step|epoch)[-_](?<step>\\d+)"),
              accelerate(),
              Pattern.compile(
                  "(model|pytorch_model)(_\\d+)?\\.(safetensors|bin).*|pytorch_model(_fsdp_\\d+|_fsdp"
                      + "\\.bin)?|random_states_\\d+\\.pkl"),
              RANDOM_STATES),
          new FolderLayout(
              "dcp",
              "folders with .metadata and *.distcp, of torch.distributed.checkpoint",
              Pattern.compile("(?:.*[^\\d])?(?<step>\\d+)\\D*"),
              List.of(DISTRIBUTED),
              Pattern.compile("\\.metadata|.*\\.distcp"),
              new FolderMarker(".metadata", null, Duration.ofSeconds(2))),
          new FolderLayout(
              "dcp-in-place",
              "one folder with .metadata and *.distcp that is written over",
              null,
              List.of(DISTRIBUTED),
              Pattern.compile("\\.metadata|.*\\.distcp"),
              new FolderMarker(".metadata", null, Duration.ofSeconds(2))),
          // Its stats.jsonl is written before a snapshot, and again some minutes after it. Averages
          // are written from the narrowest to the widest, so that the narrowest is known to be
          // closed as soon as the next one is there; it also lags least behind the training.
          new FileLayout(
              "edm2",
              "network-snapshot-KIMG-WIDTH.pkl of NVlabs/edm2; the narrowest EMA is preferred",
              List.of(
                  Member.of(
                          "network-snapshot-(?<step>\\d{7})(?:-(?<copy>\\d+\\.\\d+))?\\.pkl",
                          "ema", Kind.AVERAGED, Grouping.BY_STEP)
                      .counting(StepUnit.KIMG)),
              false,
              List.of(
                  Marker.widerAverage(),
                  Marker.file("training-state-{step}.pt"),
                  Marker.laterStep(),
                  Marker.later("stats.jsonl")),
              "a wider EMA, training-state-{step}.pt, a later snapshot or the next line of"
                  + " stats.jsonl"),
          new FileLayout(
              "edm",
              "network-snapshot-KIMG.pkl of NVlabs/edm",
              List.of(
                  Member.of(
                          "network-snapshot-(?<step>\\d{6})\\.pkl",
                          "ema", Kind.AVERAGED, Grouping.BY_STEP)
                      .counting(StepUnit.KIMG)),
              false,
              List.of(
                  Marker.file("stats.jsonl"),
                  Marker.file("training-state-{step}.pt"),
                  Marker.laterStep()),
              "its line of stats.jsonl, training-state-{step}.pt or a later snapshot"),
          new FileLayout(
              "guided-diffusion",
              "ema_RATE_STEP.pt, modelSTEP.pt and optSTEP.pt of openai/guided-diffusion and"
                  + " improved-diffusion; the EMA with the highest rate is preferred",
              List.of(
                  Member.of(
                      "ema_(?<copy>\\d+(?:\\.\\d+)?)_(?<step>\\d{6,})\\.pt",
                      "",
                      Kind.AVERAGED,
                      Grouping.BY_STEP),
                  Member.of("model(?<step>\\d{6,})\\.pt", "model", Kind.RAW, Grouping.BY_STEP)),
              true,
              List.of(Marker.file("opt{step}.pt"), Marker.laterStep()),
              "opt{step}.pt or a later checkpoint"),
          files(
              "lucidrains",
              "model-MILESTONE.pt, or model-latest.pt and model-best.pt that are written over, of"
                  + " denoising-diffusion-pytorch",
              true,
              Member.each("model-(?<step>\\d+)\\.pt"),
              Member.of("model-(?<copy>latest|best)\\.pt", "", Kind.EITHER, Grouping.TOGETHER)),
          files(
              "dit",
              "STEP.pt with seven digits, of DiT and SiT",
              false,
              Member.each("(?<step>\\d{7})\\.pt")),
          files(
              "lightning",
              "*.ckpt of Lightning; last.ckpt only where no checkpoint has a step",
              false,
              Member.of("last(-.*)?\\.ckpt", "", Kind.EITHER, Grouping.SPARE),
              Member.each("(?:.*[^A-Za-z])?step=(?<step>\\d+).*\\.ckpt"),
              Member.each("(?:.*[^A-Za-z])?epoch=(?<step>\\d+).*\\.ckpt").counting(StepUnit.EPOCHS),
              Member.each("(?:.*?[^\\d.=])??(?<step>\\d+)(?:-v\\d+)?\\.ckpt"),
              Member.each(".*\\.ckpt")),
          files(
              "kohya",
              "NAME-stepSTEP.safetensors, NAME-EPOCH.safetensors and NAME.safetensors of kohya's"
                  + " sd-scripts",
              false,
              Member.each("(?<base>.+)-step(?<step>\\d{8})\\.safetensors"),
              Member.each("(?!step-)(?<base>.+)-(?<step>0\\d{5})\\.safetensors")
                  .counting(StepUnit.EPOCHS),
              Member.of("(?<base>.+)\\.safetensors", "", Kind.EITHER, Grouping.FINAL)),
          new FolderLayout(
              "diffusers-pipeline",
              "a diffusers pipeline (model_index.json beside unet or transformer) that is written"
                  + " over",
              null,
              DIFFUSERS_PLACES,
              Pattern.compile("model_index\\.json"),
              null),
          files(
              "safetensors",
              "*.safetensors, the step in the last digits of the name",
              false,
              Member.each("(?:.*\\D)?(?<step>\\d+)\\D*\\.safetensors\\.index\\.json"),
              Member.each(".*\\.safetensors\\.index\\.json"),
              Member.each("(?!.*-\\d{5}-of-\\d{5}\\.)(?:.*\\D)?(?<step>\\d+)\\D*\\.safetensors"),
              Member.each("(?!.*-\\d{5}-of-\\d{5}\\.).*\\.safetensors")));

  /**
   * Layouts that give way to one of higher precedence: a pipeline that is saved before the first
   * checkpoint does not hide the checkpoints, and a folder of prime-rl looks like one of accelerate
   * until its marker is there.
   */
  static final Set<String> PROVISIONAL = Set.of("diffusers-pipeline", "accelerate");

  /** A folder of weights under any name, for paths that a person gave. */
  static final List<FolderLayout> FOLDERS =
      List.of(
          folder("\\.metadata", List.of(DISTRIBUTED)),
          folder("(unet|transformer)(_ema)?", DIFFUSERS_PLACES),
          folder(
              "diffusion_pytorch_model\\..*",
              List.of(Place.of("model", Kind.RAW, "", DIFFUSERS_FILES))),
          folder(".*", accelerate()));

  private KnownLayouts() {}

  static @Nullable Layout named(String name) {
    return ALL.stream().filter(layout -> layout.name().equals(name)).findFirst().orElse(null);
  }

  private static FileLayout files(
      String name, String description, boolean widestFirst, Member... members) {
    return new FileLayout(name, description, List.of(members), widestFirst, List.of(), "");
  }

  private static FolderLayout folder(String sign, List<Place> places) {
    return new FolderLayout("folder", "a checkpoint", null, places, Pattern.compile(sign), null);
  }

  private static List<Place> accelerate() {
    List<Place> places = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      places.add(model(i));
    }
    places.add(
        Place.of(
            "pytorch_model", Kind.RAW, "pytorch_model", List.of("mp_rank_00_model_states.pt")));
    return List.copyOf(places);
  }

  /** The models of an accelerator are numbered; the first has no number but under FSDP. */
  private static Place model(int index) {
    String number = index == 0 ? "" : "_" + index;
    return Place.of(
        "model" + number,
        Kind.RAW,
        "",
        List.of(
            "model%s.safetensors".formatted(number),
            "model%s.safetensors.index.json".formatted(number),
            "pytorch_model%s.bin".formatted(number),
            "pytorch_model%s.bin.index.json".formatted(number),
            "pytorch_model_fsdp%s.bin".formatted(number),
            "pytorch_model_fsdp_%d".formatted(index)));
  }
}
