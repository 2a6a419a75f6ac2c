using System.Text.Json;
using Microsoft.Extensions.Options;
using SagaRecovery.Coordinators;
using SagaRecovery.Execution;
using SagaRecovery.Executor;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery;

/// <summary>Starts sagas, and finds those that run in this process. A singleton; thread-safe.</summary>
public sealed class SagaClient
{
    private readonly SagaRegistry _registry;
    private readonly DurableExecutor _executor;
    private readonly SagaCoordinator _coordinator;
    private readonly SagaStarts _starts;
    private readonly ISagaLog _log;
    private readonly TimeProvider _time;
    private readonly JsonSerializerOptions _json;

    internal SagaClient(
        SagaRegistry registry,
        DurableExecutor executor,
        SagaCoordinator coordinator,
        SagaStarts starts,
        ISagaLog log,
        TimeProvider time,
        IOptions<DurableExecutorOptions> options)
    {
        _registry = registry;
        _executor = executor;
        _coordinator = coordinator;
        _starts = starts;
        _log = log;
        _time = time;
        _json = options.Value.Json;
    }

    /// <summary>
    /// Starts a saga: once this returns, it is in the store, and will be carried to its end even if this process ends now. Waits until
    /// this process has joined as a coordinator.
    /// </summary>
    /// <typeparam name="TParameters">What the saga is started with.</typeparam>
    /// <param name="saga">The registered definition, from the container.</param>
    /// <param name="parameters">What to start it with.</param>
    /// <param name="options">Its id, or failures to put in; null: the defaults.</param>
    /// <param name="ct">Gives up the start. The saga may have been inserted nonetheless; then it is recovered.</param>
    /// <exception cref="ArgumentException">The saga is not registered, or an injection names a node that it lacks.</exception>
    /// <exception cref="InvalidOperationException">A saga with this id exists, or this process is draining or shutting down: nothing was started.</exception>
    /// <exception cref="CoordinatorFencedException">A newer process runs under this coordinator id: nothing was started.</exception>
    /// <remarks>
    /// Any other exception is the store's, and leaves open whether the saga was inserted; if it was, recovery finds it. A caller that
    /// must not start it twice gives an id and tries again with the same.
    /// </remarks>
    public async Task<SagaHandle> StartAsync<TParameters>(
        Saga<TParameters> saga, TParameters parameters, SagaStartOptions? options = null, CancellationToken ct = default)
    {
        SagaDefinition definition = _registry.Get(saga);
        CheckInjections(definition, options?.Inject);
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(parameters, _json);
        Membership member = await _coordinator.JoinedAsync(ct).ConfigureAwait(false);
        SagaId sagaId = options?.Id ?? SagaId.NewAt(_time.GetUtcNow());

        // Announced before it is inserted, or a pass could list the row without knowing that it is ours, and run it a second time.
        using SagaStart start = _starts.Announce(sagaId);
        var saved = new NewSaga(sagaId, definition.Saved, json);
        (bool created, member) = await CreateAsync(member, saved, ct).ConfigureAwait(false);
        if (!created)
        {
            throw new InvalidOperationException($"Saga {sagaId} was not started: a saga with this id exists.");
        }

        // Before the run, which may end at once: a saga that finishes unconfirmed would be tracked for a pass too long.
        start.Created(AdoptGeneration.Initial);
        return _executor.Begin(definition, sagaId, json, member.Of(AdoptGeneration.Initial), options?.Inject);
    }

    /// <summary>The run of a saga in this process, started or recovered; null: there is none, or it is over.</summary>
    public SagaHandle? Find(SagaId id) => _executor.Find(id);

    /// <returns>Whether it was inserted, and by which membership.</returns>
    private async Task<(bool Created, Membership By)> CreateAsync(Membership member, NewSaga saga, CancellationToken ct)
    {
        try
        {
            try
            {
                return (await _log.CreateAsync(member, saga, ct).ConfigureAwait(false), member);
            }
            catch (JoinLostException) // nothing was inserted
            {
                member = await _coordinator.RejoinAsync(member, ct).ConfigureAwait(false);
                return (await _log.CreateAsync(member, saga, ct).ConfigureAwait(false), member);
            }
        }
        catch (CoordinatorFencedException fenced)
        {
            _coordinator.ReportFenced(fenced);
            throw;
        }
    }

    private static void CheckInjections(SagaDefinition definition, SagaInjections? inject)
    {
        string? unknown = inject?.Nodes.FirstOrDefault(node => !definition.Shape.Knows(node));
        if (unknown is not null)
        {
            throw new ArgumentException($"An injection names node '{unknown}', which saga {definition} lacks.", nameof(inject));
        }
    }
}
