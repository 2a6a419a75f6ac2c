using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>Where a saga stands with regard to one process, in a word.</summary>
public enum SagaVerdict
{
    /// <summary>There is no saga with this id, here or in the store.</summary>
    Unknown,

    /// <summary>This process is starting it.</summary>
    Starting,

    /// <summary>It runs in this process.</summary>
    RunningHere,

    /// <summary>It runs in this process at a generation that is no longer its own: the next pass sets that right.</summary>
    OutOfDate,

    /// <summary>Its hand-over failed, and is tried again later.</summary>
    BackingOff,

    /// <summary>This binary lacks its definition or version.</summary>
    UnknownDefinition,

    /// <summary>Its row cannot be read.</summary>
    Unreadable,

    /// <summary>It is kept from being handed over until it is released.</summary>
    Held,

    /// <summary>Recovery is paused.</summary>
    Paused,

    /// <summary>After a crash, others have to outlive their probation first.</summary>
    Deferred,

    /// <summary>Nobody runs it, and the next pass hands it over.</summary>
    ToBeRecovered,

    /// <summary>This process is fenced: a newer one runs under its coordinator id.</summary>
    Fenced,

    /// <summary>Another coordinator owns it, or nobody.</summary>
    NotOurs,

    /// <summary>It has ended: succeeded, or unwound.</summary>
    Finished,

    /// <summary>It has ended half undone.</summary>
    Stuck,

    /// <summary>It was set aside.</summary>
    Abandoned,
}

/// <summary>Why a saga runs here, or does not.</summary>
/// <param name="SagaId">Which saga.</param>
/// <param name="Verdict">In a word.</param>
/// <param name="Because">The evidence, as a sentence.</param>
/// <param name="ToDo">What the operator can do about it; empty: nothing needs to be done.</param>
public sealed record SagaExplanation(SagaId SagaId, SagaVerdict Verdict, string Because, string ToDo)
{
    /// <summary>Since when it is so; null: not known.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>When it is tried again; null: not by the clock.</summary>
    public DateTimeOffset? NextTry { get; init; }

    /// <summary>Failed hand-overs in a row.</summary>
    public int Failures { get; init; }

    /// <summary>The last error, or what is missing; null: none.</summary>
    public string? Error { get; init; }

    /// <summary>The saga as the store has it; null: it has none.</summary>
    public SagaSummary? Saga { get; init; }

    /// <summary>Its owner as the store knows it; null: unknown.</summary>
    public CoordinatorDetails? Owner { get; init; }

    /// <summary>Its last event, for people; null: none.</summary>
    public string? LastEvent { get; init; }
}
