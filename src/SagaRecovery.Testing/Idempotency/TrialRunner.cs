using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Idempotency;

/// <summary>Makes runs: resets the state, runs the saga with a new executor and store, and reads the state before and after.</summary>
internal sealed class TrialRunner<TParameters>
{
    private readonly IdempotencyCheck<TParameters> _check;
    private readonly IOptions<DurableExecutorOptions> _options;
    private readonly SagaRegistry _registry;

    public TrialRunner(IdempotencyCheck<TParameters> check)
    {
        _check = check;
        _options = Options.Create(new DurableExecutorOptions { Json = check.Json });
        Type type = check.Saga.GetType();
        bool isRegistered = check.Services?.GetService<IServiceProviderIsService>()?.IsService(type) is true;
        _registry = new SagaRegistry(
            [new RegisteredSaga(check.Saga, isRegistered ? services => (Saga)services.GetRequiredService(type) : null)], _options);
        Definition = _registry.Get(check.Saga, JsonSerializer.SerializeToUtf8Bytes(check.Parameters, check.Json));
    }

    public SagaDefinition Definition { get; }

    public async Task<TrialOutcome> RunAsync(Trial trial, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(_check.Deadline, _check.Time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var store = new InMemorySagaStore { OpenConnection = _check.OpenConnection };
        string step = "Reset";
        try
        {
            await _check.Reset(linked.Token).WaitAsync(linked.Token).ConfigureAwait(false);
            step = "State";
            StateLines before = await ReadStateAsync(linked.Token).ConfigureAwait(false);
            IReadOnlyList<string> difference = before.Difference(await ReadStateAsync(linked.Token).ConfigureAwait(false));
            if (difference.Count > 0)
            {
                return new TrialOutcome.StateVaried(trial, difference);
            }

            step = "the saga";
            SagaResult result = await RunSagaAsync(trial, store, linked.Token).ConfigureAwait(false);
            step = "State";
            StateLines after = await ReadStateAsync(linked.Token).ConfigureAwait(false);
            return new TrialOutcome.Ended(trial, result, before, after, LogOf(store));
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return new TrialOutcome.TimedOut(trial, step, LogOf(store));
        }
    }

    private async Task<StateLines> ReadStateAsync(CancellationToken cancellationToken) =>
        new(await _check.State(cancellationToken).WaitAsync(cancellationToken).ConfigureAwait(false));

    private async Task<SagaResult> RunSagaAsync(Trial trial, InMemorySagaStore store, CancellationToken cancellationToken)
    {
        TrialProcess process = await TrialProcess.StartAsync(store, _registry, _options, _check.Time, _check.Services?.GetService<IServiceScopeFactory>()).ConfigureAwait(false);
        await using (process.ConfigureAwait(false))
        {
            var start = new SagaStartOptions { Id = _check.SagaId, Inject = Inject(trial, store) };
            SagaHandle saga = await process.Client.StartAsync(_check.Saga, _check.Parameters, start, cancellationToken).ConfigureAwait(false);
            return await saga.Completion.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private SagaInjections Inject(Trial trial, InMemorySagaStore store)
    {
        SagaShape shape = Definition.Shape;
        var inject = new SagaInjections();
        if (trial.Fails is { } failing)
        {
            var others = new OtherBranches(shape, failing);
            store.AfterWrite = others.RecordAsync;
            string node = shape.NameOf(failing);
            _ = trial.Failure == FailureKind.Definite
                ? inject.FailAction(node, others.WaitAsync)
                : inject.FailActionUncertainly(node, afterEffect: trial.Failure == FailureKind.UncertainAfterEffect, others.WaitAsync);
        }

        if (trial.ActsTwice is { } acting)
        {
            inject.Repeat(shape.NameOf(acting), action: 2);
        }

        if (trial.UndoesTwice is { } undoing)
        {
            inject.Repeat(shape.NameOf(undoing), undo: 2);
        }

        return inject;
    }

    private IReadOnlyList<SavedNodeEvent> LogOf(InMemorySagaStore store) =>
        store.Sagas.SingleOrDefault(saga => saga.Id == _check.SagaId)?.Events ?? [];
}
