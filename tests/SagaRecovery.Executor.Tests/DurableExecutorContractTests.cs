using System.Collections.Concurrent;
using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Storage;
using SagaRecovery.Testing.Contracts;

namespace SagaRecovery.Executor.Tests;

public sealed class DurableExecutorContractTests
{
    public static TheoryData<string> Rules => [.. SagaExecutorContract.Rules];

    [Theory]
    [MemberData(nameof(Rules))]
    public async Task The_durable_executor_keeps_the_contract(string rule)
    {
        await using var subject = new DurableSubject();
        await SagaExecutorContract.CheckAsync(rule, subject);
    }
}

internal sealed class DurableSubject : SagaExecutorSubject
{
    private readonly ConcurrentDictionary<SagaId, bool> _toBreak = new();

    public override void AddExecutor(SagaRecoveryBuilder recovery)
    {
        recovery.AddDurableExecutor();
        recovery.Services.AddSingleton(this);
        recovery.AddSaga<TwoSteps>();
    }

    public override NewSaga CreateSaga(SagaId sagaId, IServiceProvider services)
    {
        Saga saga = services.GetRequiredService<TwoSteps>();
        return new NewSaga(sagaId, services.GetRequiredService<SagaRegistry>().Get(saga, default).Saved, "\"\""u8.ToArray());
    }

    public override void BreakRun(SagaId sagaId) => _toBreak[sagaId] = true;

    private sealed class TwoSteps(DurableSubject subject) : Saga<string>
    {
        public override string Name => "two-steps";

        protected internal override void Define(SagaBuilder<string> saga) =>
            saga.Node("second", StepAsync, after: saga.Node("first", StepAsync));

        private async Task<Output> StepAsync(NodeContext<string> context)
        {
            await subject.Steps.PassAsync(context.SagaId, context.CancellationToken);
            return new Output { IsBroken = subject._toBreak.TryRemove(context.SagaId, out _) };
        }
    }

    /// <summary>An output that cannot be stored is a fault of the run.</summary>
    private sealed class Output
    {
        [JsonIgnore]
        public bool IsBroken { get; init; }

        public int Value
        {
            get => IsBroken ? throw new NotSupportedException("This output cannot be stored.") : field;
            init;
        }
    }
}
