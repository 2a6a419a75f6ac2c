using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Diagnostics;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Coordinators;

/// <summary>
/// This process as a coordinator: its membership, once it has joined, and whether a newer process has fenced it out. A process joins
/// once, and again when its database has lost that join; a fenced one never joins again. Thread-safe.
/// </summary>
public sealed class SagaCoordinator : IDisposable
{
    private readonly TaskCompletionSource<Membership> _joined = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _fenced = new();
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly ILogger<SagaCoordinator> _logger;
    private volatile CoordinatorStatus _status;
    private Membership? _member;
    private ISagaStore? _store; // once this process has joined there
    private Task<Membership>? _rejoining;

    /// <summary>A process that has not joined yet.</summary>
    public SagaCoordinator(IOptions<SagaRecoveryOptions> options, TimeProvider time, ILogger<SagaCoordinator> logger)
    {
        _time = time;
        _logger = logger;
        _status = new CoordinatorStatus(new CoordinatorId(options.Value.CoordinatorId), Incarnation: null, Fenced: null);
        Fenced = _fenced.Token;
    }

    /// <summary>The configured id.</summary>
    public CoordinatorId Id => _status.Id;

    /// <summary>Fires when this process learns that a newer one has joined under its id. Whoever runs sagas stops then.</summary>
    public CancellationToken Fenced { get; }

    /// <summary>As of now.</summary>
    public CoordinatorStatus Status => _status;

    /// <summary>This process, once it has joined; null: it has not.</summary>
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

    /// <summary>Rises each time that this process has joined again. What it knows of its sagas may be news to the store since.</summary>
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

    /// <summary>Raised each time that this process has joined again. Handlers must not block or throw.</summary>
    internal event EventHandler? Rejoined;

    /// <summary>Waits until this process has joined, which recovery sees to.</summary>
    /// <exception cref="CoordinatorFencedException">It is fenced.</exception>
    public async Task<Membership> JoinedAsync(CancellationToken cancellationToken)
    {
        Membership member = await _joined.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        ThrowIfFenced();
        return Member ?? member;
    }

    /// <summary>
    /// Joins again, after the store has refused a membership with a <see cref="JoinLostException"/>. Callers who bring the same one share
    /// one attempt; whoever comes later is given the present membership.
    /// </summary>
    /// <param name="lost">The membership that was refused.</param>
    /// <param name="cancellationToken">Gives up waiting; the attempt goes on.</param>
    /// <returns>What this process writes with from now on.</returns>
    /// <exception cref="CoordinatorFencedException">Another process has joined since: this one is fenced.</exception>
    /// <remarks>Any other exception is the store's: the caller tries again.</remarks>
    public async Task<Membership> RejoinAsync(Membership lost, CancellationToken cancellationToken)
    {
        ThrowIfFenced();
        TaskCompletionSource<Membership>? attempt = null;
        Task<Membership> answer;
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

            answer = _rejoining;
        }

        if (attempt is not null)
        {
            _ = AnswerAsync(attempt, lost); // for all who wait for the answer
        }

        return await answer.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Returns if this process may take new work, as far as it knows.</summary>
    /// <exception cref="CoordinatorFencedException">It is fenced.</exception>
    public void ThrowIfFenced()
    {
        if (_status.Fenced is { } fenced && Member is { } member)
        {
            throw new CoordinatorFencedException(member, fenced.By);
        }
    }

    /// <summary>Says that the store refused a write because a newer incarnation has joined. Only the first report has an effect.</summary>
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

    /// <summary>Joins, unless that has been done. Called by recovery only, one call at a time.</summary>
    internal async Task<Membership> EnsureJoinedAsync(ISagaStore store, CancellationToken cancellationToken)
    {
        if (_joined.Task.IsCompleted)
        {
            return await JoinedAsync(cancellationToken).ConfigureAwait(false);
        }

        Membership member = await store.JoinAsync(Id, cancellationToken).ConfigureAwait(false);
        lock (_lock)
        {
            _store = store;
            _member = member;
            _status = _status with { Incarnation = member.Incarnation };
        }

        Log.Joined(_logger, Id, member.Incarnation);
        _joined.SetResult(member);
        return member;
    }

    [SuppressMessage("Design", "CA1031", Justification = "The answer is for those who wait for it.")]
    private async Task AnswerAsync(TaskCompletionSource<Membership> attempt, Membership lost)
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
