using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Idempotency;

/// <summary>One run of the saga, with its injected faults.</summary>
/// <param name="Fails">The node that fails.</param>
/// <param name="ActsTwice">The node whose action runs twice.</param>
/// <param name="UndoesTwice">The node whose undo runs twice.</param>
/// <param name="Failure">The kind of the failure.</param>
internal readonly record struct Trial(int? Fails = null, int? ActsTwice = null, int? UndoesTwice = null, FailureKind Failure = FailureKind.Definite)
{
    /// <summary>Returns a clause that completes the text "seen when".</summary>
    public string Describe(SagaShape shape)
    {
        List<string> clauses = [];
        if (ActsTwice is { } acting)
        {
            clauses.Add($"the action of '{shape.NameOf(acting)}' ran twice");
        }

        if (Fails is { } failing)
        {
            clauses.Add($"'{shape.NameOf(failing)}' failed{Failure switch
            {
                FailureKind.UncertainBeforeEffect => " without a definite answer, and had not taken effect",
                FailureKind.UncertainAfterEffect => " without a definite answer, and had taken effect",
                _ => "",
            }}");
        }

        if (UndoesTwice is { } undoing)
        {
            clauses.Add($"the undo of '{shape.NameOf(undoing)}' ran twice");
        }

        return clauses.Count == 0 ? "no fault was injected" : string.Join(" and ", clauses);
    }
}

/// <summary>The effect of an action whose failure is injected, as far as the failure tells it.</summary>
internal enum FailureKind
{
    /// <summary>The action has not run, and the failure says so.</summary>
    Definite,

    /// <summary>The action has not run, and the failure does not tell.</summary>
    UncertainBeforeEffect,

    /// <summary>The action has run, and the failure does not tell.</summary>
    UncertainAfterEffect,
}

/// <summary>The outcome of a run.</summary>
internal abstract record TrialOutcome(Trial Trial)
{
    /// <summary>The run ended.</summary>
    internal sealed record Ended(Trial Trial, SagaResult Result, StateLines Before, StateLines After, IReadOnlyList<SavedNodeEvent> Log)
        : TrialOutcome(Trial);

    /// <summary>The run exceeded the deadline.</summary>
    /// <param name="Trial">The run.</param>
    /// <param name="Step">The unfinished part of the run: <c>Reset</c>, <c>State</c> or the saga.</param>
    /// <param name="Log">The log of the saga at the deadline.</param>
    internal sealed record TimedOut(Trial Trial, string Step, IReadOnlyList<SavedNodeEvent> Log) : TrialOutcome(Trial);

    /// <summary>Two consecutive reads of the state differed, so the run did not start.</summary>
    internal sealed record StateVaried(Trial Trial, IReadOnlyList<string> Difference) : TrialOutcome(Trial);
}
