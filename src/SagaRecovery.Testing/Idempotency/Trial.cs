using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Idempotency;

/// <summary>One run of the saga: what is put in its way.</summary>
/// <param name="Fails">The node that fails.</param>
/// <param name="ActsTwice">The node whose action runs twice.</param>
/// <param name="UndoesTwice">The node whose undo runs twice.</param>
internal readonly record struct Trial(int? Fails = null, int? ActsTwice = null, int? UndoesTwice = null)
{
    /// <summary>For people: a clause that goes on from "seen when".</summary>
    public string Describe(SagaShape shape)
    {
        List<string> clauses = [];
        if (ActsTwice is { } acting)
        {
            clauses.Add($"the action of '{shape.NameOf(acting)}' ran twice");
        }

        if (Fails is { } failing)
        {
            clauses.Add($"'{shape.NameOf(failing)}' failed");
        }

        if (UndoesTwice is { } undoing)
        {
            clauses.Add($"the undo of '{shape.NameOf(undoing)}' ran twice");
        }

        return clauses.Count == 0 ? "nothing was put in its way" : string.Join(" and ", clauses);
    }
}

/// <summary>What came of one run.</summary>
internal abstract record TrialOutcome(Trial Trial)
{
    /// <summary>It came to its end.</summary>
    internal sealed record Ended(Trial Trial, SagaResult Result, StateLines Before, StateLines After, IReadOnlyList<SavedNodeEvent> Log)
        : TrialOutcome(Trial);

    /// <summary>The deadline passed.</summary>
    /// <param name="Trial">What was run.</param>
    /// <param name="Step">What had not ended: <c>Reset</c>, <c>State</c>, or the saga.</param>
    /// <param name="Log">The saga's log up to then.</param>
    internal sealed record TimedOut(Trial Trial, string Step, IReadOnlyList<SavedNodeEvent> Log) : TrialOutcome(Trial);

    /// <summary>Two looks at the state, with nothing in between, saw different things: the run was not begun.</summary>
    internal sealed record StateVaried(Trial Trial, IReadOnlyList<string> Difference) : TrialOutcome(Trial);
}
