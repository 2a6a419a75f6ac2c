using Polly;

namespace SagaRecovery;

/// <summary>The retries and the time limit of an action or an undo. The names are those of Polly's retry strategy.</summary>
/// <remarks>
/// <para>
/// Attempts are counted in the process that runs the saga. They are not logged: a process that resumes the saga begins a new count. The wait
/// between two attempts ends when this process has to stop running the saga.
/// </para>
/// <para>A failure with a <see cref="SagaActionException"/> is definite and is never retried. Immutable and thread-safe.</para>
/// </remarks>
public sealed record StepPolicy
{
    private static readonly TimeSpan s_longestDelay = TimeSpan.FromSeconds(5);

    private readonly TimeSpan? _maxDelay;

    /// <summary>The policy without retries: the first failure counts.</summary>
    public static StepPolicy NoRetry { get; } = new() { MaxRetryAttempts = 0 };

    /// <summary>The maximum number of retries after the first attempt.</summary>
    /// <value>At least 0. The default is <see cref="int.MaxValue"/>: retries continue until an attempt succeeds or fails definitely.</value>
    public int MaxRetryAttempts { get; init; } = int.MaxValue;

    /// <summary>The delay before the first retry.</summary>
    /// <value>At least zero. The default is 200 milliseconds.</value>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest delay between two attempts.</summary>
    /// <value>At least <see cref="Delay"/>, and at most one day. The default is 5 seconds, or <see cref="Delay"/> if that is longer.</value>
    public TimeSpan MaxDelay
    {
        get => _maxDelay ?? (Delay > s_longestDelay ? Delay : s_longestDelay);
        init => _maxDelay = value;
    }

    /// <summary>The growth of the delay.</summary>
    /// <value>The default is <see cref="DelayBackoffType.Exponential"/>.</value>
    public DelayBackoffType BackoffType { get; init; } = DelayBackoffType.Exponential;

    /// <summary>A value indicating whether delays vary at random, so that many sagas do not retry at once.</summary>
    /// <value>The default is <see langword="true"/>.</value>
    public bool UseJitter { get; init; } = true;

    /// <summary>The predicate that selects the failures to retry.</summary>
    /// <value>
    /// The default is <see langword="null"/>. Actions then retry failures that leave open whether the call arrived: broken connections,
    /// time-outs, and answers of a server that is overloaded or restarts. Undos retry every failure.
    /// </value>
    /// <remarks>It is not asked about a <see cref="SagaActionException"/>.</remarks>
    public Func<Exception, bool>? ShouldHandle { get; init; }

    /// <summary>The time limit of a single attempt.</summary>
    /// <value>10 milliseconds to one day. The default is <see langword="null"/>: no limit.</value>
    /// <remarks>
    /// At the limit the token of the attempt is cancelled, and the attempt counts as failed with a
    /// <see cref="Polly.Timeout.TimeoutRejectedException"/> once it has ended. An attempt that ignores its token is not ended.
    /// </remarks>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The pipeline that runs the attempts, in place of all other settings of this policy.</summary>
    /// <value>The default is <see langword="null"/>.</value>
    /// <remarks>
    /// The pipeline must not hedge, since two attempts of one step must not run at the same time. Its retry strategy should not handle
    /// <see cref="SagaActionException"/>.
    /// </remarks>
    public ResiliencePipeline? Pipeline { get; init; }

    /// <summary>Returns the mistake in the settings, as a clause; null if there is none.</summary>
    internal string? FindMistake()
    {
        TimeSpan shortest = TimeSpan.FromMilliseconds(10); // the limits of Polly
        TimeSpan longest = TimeSpan.FromDays(1);
        return this switch
        {
            { MaxRetryAttempts: < 0 } => $"{nameof(MaxRetryAttempts)} must be at least 0 (was {MaxRetryAttempts})",
            _ when Delay < TimeSpan.Zero => $"{nameof(Delay)} must not be negative (was {Delay})",
            _ when MaxDelay < Delay || MaxDelay > longest => $"{nameof(MaxDelay)} must be at least {nameof(Delay)} and at most one day (was {MaxDelay})",
            _ when Timeout < shortest || Timeout > longest => $"{nameof(Timeout)} must be 10 milliseconds to one day (was {Timeout})",
            _ when !Enum.IsDefined(BackoffType) => $"{nameof(BackoffType)} has the unknown value {(int)BackoffType}",
            { Pipeline: not null } when this != new StepPolicy { Pipeline = Pipeline } => $"{nameof(Pipeline)} replaces all other settings, and one of them is set",
            _ => null,
        };
    }
}

/// <summary>The policy of a node: retries and time limits of its action and its undo. Immutable and thread-safe.</summary>
/// <example>
/// <code>
/// saga.Node(
///     "charge",
///     new NodePolicy { Action = new StepPolicy { MaxRetryAttempts = 5, Timeout = TimeSpan.FromSeconds(10) }, UndoAfterFailure = true },
///     action: node => payments.ChargeAsync(node.Parameters.Amount, node.IdempotencyKey, node.CancellationToken),
///     undo: node => payments.RefundAsync(node.ActionIdempotencyKey, node.CancellationToken));
/// </code>
/// </example>
public sealed record NodePolicy
{
    /// <summary>The policy of nodes that name none.</summary>
    public static NodePolicy Default { get; } = new();

    /// <summary>The policy of the action.</summary>
    /// <value>The default retries failures that leave open whether the call arrived, without a limit.</value>
    public StepPolicy Action { get; init; } = new();

    /// <summary>The policy of the undo.</summary>
    /// <value>The default retries every failure but a <see cref="SagaActionException"/>, without a limit.</value>
    public StepPolicy Undo { get; init; } = new();

    /// <summary>A value indicating whether the undo also runs after the action has failed, since its effect is uncertain then.</summary>
    /// <value>The default is <see langword="false"/>: an action that throws must not have had an effect.</value>
    /// <remarks>
    /// The undo must bear that there is nothing to undo. An undo that takes the output of its action receives <see langword="default"/>.
    /// After a <see cref="SagaActionException"/> the undo does not run: that failure is definite, and without an effect. After an error that an
    /// operator injects it does.
    /// </remarks>
    public bool UndoAfterFailure { get; init; }
}
