package io.diffuscope.run;

/**
 * What a run tells the world, on the actor system's event stream: facts ({@link RunEvent}) and
 * passing news (progress, how checkpoints are read).
 */
public sealed interface RunNotification extends CborSerializable
    permits RunEvent,
        EvaluationProgress,
        PreparationProgress,
        BudgetRest,
        SourceNews,
        HoldNews,
        JournalNews,
        JournalBacklog,
        EvidenceNews,
        History {
  /** Id of the run. */
  String run();
}
