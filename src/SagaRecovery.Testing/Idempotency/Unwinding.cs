namespace SagaRecovery.Testing.Idempotency;

/// <summary>A run in which a node failed and the saga was unwound.</summary>
/// <param name="Trial">The run.</param>
/// <param name="Failing">The node that failed.</param>
/// <param name="Done">The nodes that succeeded and were undone.</param>
/// <param name="Left">The differences of the state from the one before the saga. Empty if the undos restored it.</param>
internal sealed record Unwinding(Trial Trial, int Failing, HashSet<int> Done, IReadOnlyList<string> Left)
{
    public bool IsClean => Left.Count == 0;

    /// <summary>
    /// Returns true if another run leaves the same lines or the same number of lines. An action that creates something with a new id in
    /// each run never leaves the same line twice.
    /// </summary>
    public bool LeavesAsMuchAs(IReadOnlyList<string> left) => left.Count == Left.Count || left.All(Left.Contains);
}

/// <summary>The differences that a run left behind, with the nodes whose undo should have removed them.</summary>
/// <param name="Seen">The run.</param>
/// <param name="Suspects">The suspected nodes. Several if no run distinguishes between them.</param>
/// <param name="Lines">The differences.</param>
internal sealed record Leftover(Unwinding Seen, IReadOnlyList<int> Suspects, IReadOnlyList<string> Lines)
{
    /// <summary>Finds the leftovers of unwound runs and the nodes that cause them.</summary>
    /// <remarks>
    /// The runs are compared by the sets of nodes that succeeded. A leftover is new in a run if no run with a proper subset of its nodes
    /// has it. The nodes of such lesser runs, and of clean runs, are not to blame for a new leftover.
    /// </remarks>
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
        int[] notCleared = [.. done.Except(clean).Order()];
        int[] onlyHere = [.. notCleared.Except(lesser.SelectMany(unwinding => unwinding.Done))];
        return onlyHere.Length > 0 ? onlyHere
            : notCleared.Length > 0 ? notCleared
            : [.. done.Order()]; // each node is clean on its own, so the combination causes the leftover
    }
}
