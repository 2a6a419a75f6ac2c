namespace SagaRecovery.Benchmarks;

/// <summary>The number and order of the measurements of subjects.</summary>
/// <param name="Turns">The number of measurements of each.</param>
/// <param name="Alternates">
/// True if every other turn has the reverse order, A B B A: for ratios close to 1, so that neither subject is always first.
/// </param>
internal sealed record TurnOrder(int Turns, bool Alternates = false)
{
    /// <param name="turn">From 1.</param>
    public bool IsReversed(int turn) => Alternates && turn % 2 == 0;
}
