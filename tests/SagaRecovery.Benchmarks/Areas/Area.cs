namespace SagaRecovery.Benchmarks.Areas;

/// <summary>A part of the library to be measured, and its goals.</summary>
internal abstract class Area
{
    public static IReadOnlyList<Area> Every { get; } =
    [
        new CoreArea(), new RecoverArea(), new ResumeArea(), new ColdArea(), new PassArea(), new IdleArea(), new HistoryArea(), new GrowthArea(), new StartArea(), new ExecuteArea(),
        new ShapesArea(), new RowsArea(), new FenceArea(), new BacklogArea(), new PeersArea(),
    ];

    public abstract string Name { get; }

    /// <summary>A short description of the measurement.</summary>
    public abstract string Description { get; }

    public abstract Task RunAsync(BenchmarkRun run);
}
