namespace SagaRecovery.Benchmarks;

/// <summary>How often subjects are measured, and in which order.</summary>
/// <param name="Turns">How often each.</param>
/// <param name="Alternates">
/// Whether every other turn has the reverse order, A B B A: for ratios close to 1, so that neither subject always comes first.
/// </param>
internal sealed record TurnOrder(int Turns, bool Alternates = false)
{
    /// <param name="turn">From 1.</param>
    public bool IsReversed(int turn) => Alternates && turn % 2 == 0;
}
