namespace SagaRecovery.Benchmarks;

/// <summary>How much is measured.</summary>
/// <param name="Sizes">Counts of sagas that were asked for; null: what an area is about.</param>
/// <param name="Turns">How often each subject is measured, as asked for; null: what its time allows.</param>
/// <param name="IsShort">Only proves that it runs.</param>
internal sealed record Scope(IReadOnlyList<int>? Sizes, int? Turns, bool IsShort)
{
    private const int Large = 1_000_000;

    /// <summary>The sizes for an area.</summary>
    /// <param name="usual">What the area is about.</param>
    /// <param name="tiny">The value that only proves that it runs.</param>
    public IReadOnlyList<int> SizesOr(IReadOnlyList<int> usual, IReadOnlyList<int> tiny) => Sizes ?? (IsShort ? tiny : usual);

    /// <summary>Sagas that there are for a warm-up.</summary>
    public int WarmUpSagas => IsShort ? 100 : 2_000;

    /// <summary>How often a subject does what it does before it is measured, at most: see <see cref="Subjects.WarmUp"/>.</summary>
    public int WarmUpRounds => IsShort ? 1 : 120;

    /// <summary>Turns for a size.</summary>
    public int TurnsFor(int size) => TurnsOr(size >= Large ? 1 : 3);

    /// <summary>Turns where an area has a number of its own.</summary>
    public int TurnsOr(int usual) => Turns ?? (IsShort ? 1 : usual);
}
