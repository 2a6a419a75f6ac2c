using System.Text;

namespace SagaRecovery.Testing.Idempotency;

/// <summary>What an <see cref="IdempotencyCheck{TParameters}"/> found. Immutable.</summary>
public sealed record IdempotencyReport
{
    /// <summary>Which saga, such as <c>'create-disk' version 1</c>.</summary>
    public required string Saga { get; init; }

    /// <summary>The runs that were made, in order, each by what was put in the saga's way.</summary>
    public required IReadOnlyList<string> Runs { get; init; }

    /// <summary>What is wrong; empty: nothing was found.</summary>
    public required IReadOnlyList<IdempotencyFault> Faults { get; init; }

    /// <summary>
    /// Nodes whose undo no run has come to, so that nothing is known of it. Where the check did not end early, nothing can fail once they
    /// have succeeded: such an undo is never needed.
    /// </summary>
    public required IReadOnlyList<string> UndosNeverRun { get; init; }

    /// <summary>Whether the last fault made further runs pointless.</summary>
    public required bool EndedEarly { get; init; }

    /// <summary>Returns if there are no faults.</summary>
    /// <exception cref="IdempotencyException">There are; the message is the report.</exception>
    public void ThrowIfFaulty()
    {
        if (Faults.Count > 0)
        {
            throw new IdempotencyException(this);
        }
    }

    /// <summary>The report for people; several lines.</summary>
    public override string ToString()
    {
        var text = new StringBuilder($"saga {Saga}: {Count(Faults.Count, "fault")} in {Count(Runs.Count, "run")}");
        foreach (IdempotencyFault fault in Faults)
        {
            text.Append("\n  ").Append(fault.ToString().Replace("\n", "\n  ", StringComparison.Ordinal));
        }

        if (EndedEarly)
        {
            text.Append("\n  the check ended there: mend this first");
        }
        else if (UndosNeverRun.Count > 0)
        {
            text.Append($"\n  not checked, since nothing can fail after them: the undos of {string.Join(", ", UndosNeverRun.Select(node => $"'{node}'"))}");
        }

        return text.ToString();
    }

    private static string Count(int count, string what) => count switch
    {
        0 => $"no {what}s",
        1 => $"1 {what}",
        _ => $"{count} {what}s",
    };
}

/// <summary>A saga has faults; the message is the report.</summary>
public sealed class IdempotencyException : Exception
{
    internal IdempotencyException(IdempotencyReport report)
        : base(report.ToString()) => Report = report;

    /// <summary>What was found.</summary>
    public IdempotencyReport Report { get; }
}
