namespace SagaRecovery.Testing.Idempotency;

/// <summary>A run in which a node failed and the saga was unwound.</summary>
/// <param name="Trial">The run.</param>
/// <param name="Failing">The node that failed.</param>
/// <param name="Done">The nodes that had succeeded, and were undone.</param>
/// <param name="Left">How the state differs from the one before the saga; empty: not at all.</param>
internal sealed record Unwinding(Trial Trial, int Failing, HashSet<int> Done, IReadOnlyList<string> Left)
{
    public bool IsClean => Left.Count == 0;

    /// <summary>
    /// Whether another run leaves what this one leaves: the same lines, or as many, since what an action makes under a new id each time
    /// is never the same line twice.
    /// </summary>
    public bool LeavesAsMuchAs(IReadOnlyList<string> left) => left.Count == Left.Count || left.All(Left.Contains);
}

/// <summary>What a run left behind, and whose undo should have taken it back.</summary>
/// <param name="Seen">The run.</param>
/// <param name="Suspects">The nodes; more than one: no run tells them apart.</param>
/// <param name="Lines">What is left.</param>
internal sealed record Leftover(Unwinding Seen, IReadOnlyList<int> Suspects, IReadOnlyList<string> Lines)
{
    /// <summary>
    /// Takes the runs in the order of how much was done in them. What a run leaves is new only where no run leaves it in which less was
    /// done; and the nodes that were done in that run, or in any that left nothing, are not to blame for what is new.
    /// </summary>
    public static List<Leftover> Of(IReadOnlyCollection<Unwinding> unwindings)
    {
        HashSet<int> clean = [.. unwindings.Where(unwinding => unwinding.IsClean).SelectMany(unwinding => unwinding.Done)];
        List<Unwinding> unclean = [.. unwindings.Where(unwinding => !unwinding.IsClean).OrderBy(unwinding => unwinding.Done.Count)];
        List<Leftover> leftovers = [];
        foreach (Unwinding unwinding in unclean)
        {
            List<Unwinding> lesser = unclean.FindAll(other => other.Done.IsProperSubsetOf(unwinding.Done));
            if (lesser.Exists(other => other.LeavesAsMuchAs(unwinding.Left)))
            {
                continue;
            }

            string[] lines = [.. unwinding.Left.Where(line => !lesser.Exists(other => other.Left.Contains(line)))];
            if (lines.Length > 0)
            {
                leftovers.Add(new Leftover(unwinding, SuspectsAmong(unwinding.Done, clean, lesser), lines));
            }
        }

        return leftovers;
    }

    private static int[] SuspectsAmong(HashSet<int> done, HashSet<int> clean, List<Unwinding> lesser)
    {
        int[] unproven = [.. done.Except(clean).Order()];
        int[] untouched = [.. unproven.Except(lesser.SelectMany(unwinding => unwinding.Done))];
        return untouched.Length > 0 ? untouched
            : unproven.Length > 0 ? unproven
            : [.. done.Order()]; // each is clean without the others: together they are not
    }
}
