using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Diagnostics;
using SagaRecovery.Status;

namespace SagaRecovery.Coordinators;

/// <summary>
/// This process as a coordinator: its membership, once it has joined, and whether a newer process has fenced it out. A process joins
/// once; a fenced one never joins again. Thread-safe.
/// </summary>
public sealed class SagaCoordinator : IDisposable
{
    private readonly TaskCompletionSource<Membership> _joined = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _fenced = new();
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly ILogger<SagaCoordinator> _logger;
    private volatile CoordinatorStatus _status;

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
    internal Membership? Member => _status.Incarnation is { } incarnation ? new Membership(Id, incarnation) : null;

    /// <summary>Waits until this process has joined, which recovery sees to.</summary>
    /// <exception cref="CoordinatorFencedException">It is fenced.</exception>
    public async Task<Membership> JoinedAsync(CancellationToken cancellationToken)
    {
        Membership member = await _joined.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        ThrowIfFenced();
        return member;
    }

    /// <summary>Returns if this process may take new work, as far as it knows.</summary>
    /// <exception cref="CoordinatorFencedException">It is fenced.</exception>
    public void ThrowIfFenced()
    {
        if (_status is { Fenced: { } fenced, Incarnation: { } incarnation })
        {
            throw new CoordinatorFencedException(new Membership(Id, incarnation), fenced.By);
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
            _status = _status with { Incarnation = member.Incarnation };
        }

        Log.Joined(_logger, Id, member.Incarnation);
        _joined.SetResult(member);
        return member;
    }
}
