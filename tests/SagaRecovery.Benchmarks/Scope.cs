namespace SagaRecovery.Benchmarks;

/// <summary>The extent of the measurements.</summary>
/// <param name="Sizes">The requested counts of sagas; null: the sizes of the area.</param>
/// <param name="Turns">The requested number of measurements of each subject; null: as many as its time allows.</param>
/// <param name="IsShort">Only proves that it runs.</param>
internal sealed record Scope(IReadOnlyList<int>? Sizes, int? Turns, bool IsShort)
{
    /// <summary>True if the server has fsync on.</summary>
    public bool IsDurable { get; init; } = true;

    private const int Large = 1_000_000;

    /// <summary>The sizes for an area.</summary>
    /// <param name="usual">The usual value of the area.</param>
    /// <param name="tiny">The value that only proves that it runs.</param>
    public IReadOnlyList<int> SizesOr(IReadOnlyList<int> usual, IReadOnlyList<int> tiny) => Sizes ?? (IsShort ? tiny : usual);

    /// <summary>The number of sagas for a warm-up.</summary>
    public int WarmUpSagas => IsShort ? 100 : 2_000;

    /// <summary>The maximum number of repetitions of a subject before it is measured: see <see cref="Subjects.WarmUp"/>.</summary>
    public int WarmUpRounds => IsShort ? 1 : 120;

    /// <summary>Turns for a size.</summary>
    public int TurnsFor(int size) => TurnsOr(size >= Large ? 1 : 3);

    /// <summary>The turns of an area with a number of its own.</summary>
    public int TurnsOr(int usual) => Turns ?? (IsShort ? 1 : usual);
}
