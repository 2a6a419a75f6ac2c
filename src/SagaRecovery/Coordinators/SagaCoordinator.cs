using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Diagnostics;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Coordinators;

/// <summary>The coordinator that this process acts as: its membership, and its fence status.</summary>
/// <remarks>
/// A process joins once, and again if its database has lost that join. A fenced process never joins again. A singleton; thread-safe.
/// </remarks>
public sealed class SagaCoordinator : IDisposable
{
    private const int MaxReasonLength = 2_000;

    private static readonly TimeSpan LongWait = TimeSpan.FromSeconds(10);

    private readonly TaskCompletionSource<Membership> _joined = NewAnswer();
    private readonly CancellationTokenSource _fenced = new();
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly ILogger<SagaCoordinator> _logger;
    private volatile CoordinatorStatus _status;
    private volatile bool _recoveryStarted;
    private volatile TaskCompletionSource<Membership> _answer = NewAnswer(); // of the store, to the last attempt to join: the join, or a refusal
    private int _loggedLongWait;
    private Membership? _member;
    private ISagaStore? _store; // set when this process has joined
    private Task<Membership>? _rejoining;

    /// <summary>Initializes a coordinator that has not joined yet.</summary>
    /// <param name="options">The options with the coordinator id.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The logger.</param>
    public SagaCoordinator(IOptions<SagaRecoveryOptions> options, TimeProvider time, ILogger<SagaCoordinator> logger)
    {
        _time = time;
        _logger = logger;
        _status = new CoordinatorStatus(options.Value.CoordinatorId, Incarnation: null, Fenced: null);
        Fenced = _fenced.Token;
    }

    /// <summary>The configured coordinator id.</summary>
    public CoordinatorId Id => _status.Id;

    /// <summary>The token that is canceled when this process learns that a newer one has joined under its id.</summary>
    /// <remarks>Code that runs sagas must stop then.</remarks>
    public CancellationToken Fenced { get; }

    /// <summary>The present status: the id, the incarnation, and the fence if the process is fenced.</summary>
    public CoordinatorStatus Status => _status;

    /// <summary>The membership of this process; null until it has joined.</summary>
    internal Membership? Member
    {
        get
        {
            lock (_lock)
            {
                return _member;
            }
        }
    }

    /// <summary>The task that completes with the first membership of this process.</summary>
    internal Task<Membership> FirstJoined => _joined.Task;

    /// <summary>The number of times that this process has joined again. After each, the store may lack what this process knows of its sagas.</summary>
    internal int Rejoins
    {
        get
        {
            lock (_lock)
            {
                return _status.Rejoins;
            }
        }
    }

    /// <summary>Occurs when this process has joined again. Handlers must not block or throw.</summary>
    internal event EventHandler? Rejoined;

    /// <summary>Waits until recovery has joined for this process.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The present membership.</returns>
    /// <exception cref="CoordinatorFencedException">This process is fenced.</exception>
    /// <exception cref="IncompatibleStoreException">
    /// The store has contents of a version that this process cannot work with. A later call succeeds if they are replaced and a pass has joined.
    /// </exception>
    /// <remarks>A wait of more than 10 seconds is logged once, with its likely cause.</remarks>
    public async Task<Membership> JoinedAsync(CancellationToken cancellationToken)
    {
        Task<Membership> answer = _answer.Task;
        if (!answer.IsCompleted)
        {
            await ((Task)answer).WaitAsync(LongWait, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
            if (!answer.IsCompleted)
            {
                LogLongWait();
            }
        }

        Membership member = await answer.WaitAsync(cancellationToken).ConfigureAwait(false);
        ThrowIfFenced();
        return Member ?? member;
    }

    /// <summary>Joins again after the store has refused a membership with a <see cref="JoinLostException"/>.</summary>
    /// <param name="lost">The membership that the store refused.</param>
    /// <param name="cancellationToken">Cancels the wait. The attempt continues.</param>
    /// <returns>The membership that this process writes with from now on.</returns>
    /// <exception cref="CoordinatorFencedException">Another process has joined since. This one is fenced.</exception>
    /// <remarks>
    /// Concurrent callers with the same lost membership share one attempt. Later callers get the present membership. Any other exception
    /// comes from the store; the caller should retry.
    /// </remarks>
    public async Task<Membership> RejoinAsync(Membership lost, CancellationToken cancellationToken)
    {
        ThrowIfFenced();
        TaskCompletionSource<Membership>? attempt = null;
        Task<Membership> rejoining;
        lock (_lock)
        {
            if (_member is { } present && present != lost)
            {
                return present;
            }

            if (_rejoining is null or { IsCompleted: true })
            {
                attempt = new TaskCompletionSource<Membership>(TaskCreationOptions.RunContinuationsAsynchronously);
                _rejoining = attempt.Task;
            }

            rejoining = _rejoining;
        }

        if (attempt is not null)
        {
            _ = CompleteAsync(attempt, lost); // owned by all callers that share the attempt, not by this one
        }

        return await rejoining.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Throws if this process knows that it is fenced.</summary>
    /// <exception cref="CoordinatorFencedException">This process is fenced.</exception>
    public void ThrowIfFenced()
    {
        if (_status.Fenced is { } fenced && Member is { } member)
        {
            throw new CoordinatorFencedException(member, fenced.By);
        }
    }

    /// <summary>Reports that the store refused a write because a newer incarnation has joined. Only the first report has an effect.</summary>
    /// <param name="refusal">The exception of the store.</param>
    public void ReportFenced(CoordinatorFencedException refusal)
    {
        lock (_lock)
        {
            if (_status.Fenced is not null)
            {
                return;
            }

            _status = _status with { Fenced = new FenceStatus(refusal.By, _time.GetUtcNow()) };
        }

        Log.Fenced(_logger, Id, refusal.Member.Incarnation, refusal.By);
        _fenced.Cancel();
    }

    /// <inheritdoc />
    public void Dispose() => _fenced.Dispose();

    /// <summary>Throws if the store has refused the last attempt to join.</summary>
    /// <exception cref="IncompatibleStoreException">The store has refused it.</exception>
    internal void ThrowIfIncompatible()
    {
        if (_answer.Task.Exception is { InnerException: { } refusal })
        {
            ExceptionDispatchInfo.Throw(refusal);
        }
    }

    /// <summary>Runs work that waits for the store without a join, and cancels it if the store refuses this process meanwhile.</summary>
    /// <exception cref="IncompatibleStoreException">The store has refused the last attempt to join.</exception>
    internal async Task<T> WhileCompatibleAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        ThrowIfIncompatible();
        Task<Membership> answer = _answer.Task;
        if (answer.IsCompletedSuccessfully)
        {
            return await work(cancellationToken).ConfigureAwait(false);
        }

        using var refused = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<T> working = work(refused.Token);
        if (await Task.WhenAny(working, answer).ConfigureAwait(false) == answer && answer.IsFaulted)
        {
            await refused.CancelAsync().ConfigureAwait(false);
            await ((Task)working).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await answer.ConfigureAwait(false);
        }

        return await working.ConfigureAwait(false);
    }

    /// <summary>Joins unless this process has joined. Only recovery calls it, one call at a time.</summary>
    internal async Task<Membership> EnsureJoinedAsync(ISagaStore store, CancellationToken cancellationToken)
    {
        _recoveryStarted = true;
        if (_joined.Task.IsCompleted)
        {
            return await JoinedAsync(cancellationToken).ConfigureAwait(false);
        }

        Membership member;
        try
        {
            member = await store.JoinAsync(Id, cancellationToken).ConfigureAwait(false);
        }
        catch (IncompatibleStoreException refusal)
        {
            ReportIncompatible(refusal);
            throw;
        }

        lock (_lock)
        {
            _store = store;
            _member = member;
            _status = _status with { Incarnation = member.Incarnation, Incompatible = null };
        }

        Log.Joined(_logger, Id, member.Incarnation);
        Unanswered().SetResult(member);
        _joined.SetResult(member);
        return member;
    }

    private static TaskCompletionSource<Membership> NewAnswer() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends the waits for the join with the exception of the store. Each reason is logged once, not at each retry.</summary>
    private void ReportIncompatible(IncompatibleStoreException refusal)
    {
        string? previous = _status.Incompatible;
        lock (_lock)
        {
            _status = _status with { Incompatible = refusal.Message };
        }

        if (refusal.Message != previous)
        {
            Log.StoreIncompatible(_logger, PlainText.OneLine(refusal.Message, longest: MaxReasonLength));
        }

        TaskCompletionSource<Membership> answer = Unanswered();
        answer.SetException(refusal);
        _ = answer.Task.Exception; // observed, even if no caller waits
    }

    /// <summary>Returns the answer that callers wait for. One that refused this process is replaced: a later attempt has another answer.</summary>
    private TaskCompletionSource<Membership> Unanswered() => _answer is { Task.IsCompleted: false } waiting ? waiting : _answer = NewAnswer();

    private void LogLongWait()
    {
        if (Interlocked.Exchange(ref _loggedLongWait, 1) != 0)
        {
            return;
        }

        if (_recoveryStarted)
        {
            Log.WaitingForJoin(_logger, Id, PlainText.Duration(LongWait));
        }
        else
        {
            Log.WaitingForRecovery(_logger, PlainText.Duration(LongWait));
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "The exception goes to the callers that share the attempt.")]
    private async Task CompleteAsync(TaskCompletionSource<Membership> attempt, Membership lost)
    {
        try
        {
            attempt.SetResult(await JoinAgainAsync(lost).ConfigureAwait(false));
        }
        catch (Exception exception)
        {
            attempt.SetException(exception);
        }
    }

    private async Task<Membership> JoinAgainAsync(Membership lost)
    {
        Log.JoinLost(_logger, Id, lost.Incarnation);
        Membership member;
        try
        {
            member = await _store!.RejoinAsync(lost, CancellationToken.None).ConfigureAwait(false);
        }
        catch (CoordinatorFencedException fenced)
        {
            ReportFenced(fenced);
            throw;
        }

        lock (_lock)
        {
            _member = member;
            _status = _status with { Incarnation = member.Incarnation, Rejoins = _status.Rejoins + 1 };
        }

        Log.Rejoined(_logger, Id, member.Incarnation);
        Rejoined?.Invoke(this, EventArgs.Empty);
        return member;
    }
}
