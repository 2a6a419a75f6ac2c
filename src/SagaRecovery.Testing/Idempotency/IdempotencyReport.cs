using System.Text;

namespace SagaRecovery.Testing.Idempotency;

/// <summary>The result of an <see cref="IdempotencyCheck{TParameters}"/>. Immutable.</summary>
public sealed record IdempotencyReport
{
    /// <summary>The name and version of the saga, such as <c>'create-disk' version 1</c>.</summary>
    public required string Saga { get; init; }

    /// <summary>The runs in order, each described by its injected faults.</summary>
    public required IReadOnlyList<string> Runs { get; init; }

    /// <summary>The faults. Empty if the check found none.</summary>
    public required IReadOnlyList<IdempotencyFault> Faults { get; init; }

    /// <summary>The nodes whose undo was not checked because it did not run.</summary>
    /// <remarks>
    /// If <see cref="EndedEarly"/> is false, no node can fail after these nodes have succeeded, so their undos are never needed.
    /// </remarks>
    public required IReadOnlyList<string> UndosNeverRun { get; init; }

    /// <summary>True if the check stopped at the last fault because it made further runs pointless.</summary>
    public required bool EndedEarly { get; init; }

    /// <summary>Throws if the check found faults.</summary>
    /// <exception cref="IdempotencyException">The check found faults. The message is the report.</exception>
    public void ThrowIfFaulty()
    {
        if (Faults.Count > 0)
        {
            throw new IdempotencyException(this);
        }
    }

    /// <summary>Returns the report as several lines of text.</summary>
    public override string ToString()
    {
        var text = new StringBuilder($"saga {Saga}: {Count(Faults.Count, "fault")} in {Count(Runs.Count, "run")}");
        foreach (IdempotencyFault fault in Faults)
        {
            text.Append("\n  ").Append(fault.ToString().Replace("\n", "\n  ", StringComparison.Ordinal));
        }

        if (EndedEarly)
        {
            text.Append("\n  the check stopped here: fix this fault first");
        }
        else if (UndosNeverRun.Count > 0)
        {
            text.Append($"\n  not checked, because no node can fail after them: the undos of {string.Join(", ", UndosNeverRun.Select(node => $"'{node}'"))}");
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

/// <summary>The exception for a saga with faults. The message is the report.</summary>
public sealed class IdempotencyException : Exception
{
    internal IdempotencyException(IdempotencyReport report)
        : base(report.ToString()) => Report = report;

    /// <summary>The report of the check.</summary>
    public IdempotencyReport Report { get; }
}
