using SagaRecovery.Storage;

namespace SagaRecovery;

/// <summary>The handle of a saga. Thread-safe.</summary>
public sealed class SagaHandle
{
    private readonly Lock _lock = new();
    private readonly Func<Task<SagaResult>>? _awaitCompletion;
    private Task<SagaResult>? _completion;

    internal SagaHandle(SagaId sagaId, Task<SagaResult> completion)
    {
        SagaId = sagaId;
        _completion = completion;
    }

    /// <param name="sagaId">The id of the saga.</param>
    /// <param name="awaitCompletion">Begins to wait for the saga. Called at the first access to <see cref="Completion"/>, and after an interruption.</param>
    internal SagaHandle(SagaId sagaId, Func<Task<SagaResult>> awaitCompletion)
    {
        SagaId = sagaId;
        _awaitCompletion = awaitCompletion;
    }

    /// <summary>The id of the saga.</summary>
    public SagaId SagaId { get; }

    /// <summary>A value indicating whether the start has created the saga. If not, a saga with this id existed, and the handle is attached to it.</summary>
    public bool IsNew { get; internal init; }

    /// <summary>The task that completes when this process no longer runs the saga, or shuts down although a step has not ended. It never faults.</summary>
    /// <remarks>
    /// <para>
    /// The saga has ended, or another process or a later pass continues it (<see cref="SagaResult.Interrupted"/>). A handle that a start has
    /// attached to an existing saga waits for the end of the saga in any process. <see cref="SagaClient.WaitAsync"/> does so for every saga.
    /// </para>
    /// <para>
    /// A step of a saga may wait for another saga. Until that one completes, the saga of the step lends its slot
    /// (<see cref="DurableExecutorOptions.MaxRunningSagas"/>) to others. If this process stops both sagas, the task is cancelled, so that the
    /// step runs again when its saga is resumed. For any other caller it is never cancelled.
    /// </para>
    /// </remarks>
    public Task<SagaResult> Completion
    {
        get
        {
            lock (_lock)
            {
                return _completion ??= AwaitAsync(_awaitCompletion!);
            }
        }
    }

    /// <summary>Waits for the saga. After an interruption, the next access waits again: a transaction may have committed since.</summary>
    private async Task<SagaResult> AwaitAsync(Func<Task<SagaResult>> awaitCompletion)
    {
        SagaResult result = await awaitCompletion().ConfigureAwait(false);
        if (result is SagaResult.Interrupted)
        {
            lock (_lock)
            {
                _completion = null;
            }
        }

        return result;
    }
}

/// <summary>The options of a single start.</summary>
public sealed record SagaStartOptions
{
    /// <summary>The id of the new saga. Set it, or <see cref="Key"/>, if the saga must not be started twice.</summary>
    /// <value>The default is null: the id is made from <see cref="Key"/>, or generated.</value>
    public SagaId? Id { get; init; }

    /// <summary>A key that identifies the saga for its caller, such as the idempotency key of a request. The id is made from it.</summary>
    /// <value>Any text that is not empty. The default is null: the saga has no key. Not to be set together with <see cref="Id"/>.</value>
    /// <remarks>
    /// A retried start with the same key attaches to the saga that the first one has started. The same key names another saga of another
    /// definition. <see cref="SagaId.FromKey"/> returns the id. Such ids do not sort by time. Put the caller into the key where callers do not
    /// trust each other: one that sends the key of another attaches to its saga.
    /// </remarks>
    public string? Key { get; init; }

    /// <summary>The time at which the saga is cancelled unless it has finished.</summary>
    /// <value>The default is null: no deadline.</value>
    /// <remarks>
    /// It is stored with the saga, so it holds after a crash and on another process. Its result is then <see cref="SagaResult.Cancelled"/> by
    /// <c>deadline</c>. A deadline in the past cancels the saga before its first step; one that is nearer than the
    /// <see cref="StepPolicy.Timeout"/> of an action is refused. The process that runs the saga
    /// measures the time that is left by its wall clock when the run begins. A clock that is set later does not change it.
    /// </remarks>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>The tags by which operators find the saga, such as the id of the resource that it makes: values by name.</summary>
    /// <value>
    /// At most <see cref="SagaTag.MaxCount"/> tags, with names of 1 to <see cref="SagaTag.MaxNameBytes"/> bytes in UTF-8 without <c>=</c>, and values
    /// of at most <see cref="SagaTag.MaxValueBytes"/> bytes. The default is null: no tags.
    /// </value>
    /// <remarks>
    /// Tags are stored with the saga and never change. They annotate it and do not identify it: a start that attaches to an existing saga
    /// ignores its own tags, and the saga keeps those of the first start.
    /// </remarks>
    /// <example>
    /// <code>
    /// var options = new SagaStartOptions { Tags = new Dictionary&lt;string, string&gt; { ["vpc"] = "17" } };
    /// </code>
    /// Then <c>saga-recovery sagas list --tag vpc=17</c> lists the saga.
    /// </example>
    public IReadOnlyDictionary<string, string>? Tags { get; init; }

    /// <summary>The failures and repeats to inject, for tests.</summary>
    /// <value>The default is null: none.</value>
    public SagaInjections? Inject { get; init; }
}
