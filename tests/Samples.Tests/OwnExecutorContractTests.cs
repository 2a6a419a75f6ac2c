using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using SagaRecovery;
using SagaRecovery.Storage;
using SagaRecovery.Testing.Contracts;

namespace Samples.Tests;

/// <summary>Holds the sample's executor to the duties that its page lists.</summary>
public sealed class OwnExecutorContractTests
{
    public static TheoryData<string> Rules => [.. SagaExecutorContract.Rules];

    [Theory]
    [MemberData(nameof(Rules))]
    public async Task The_executor_holds(string rule)
    {
        await using var subject = new Subject();
        await SagaExecutorContract.CheckAsync(rule, subject);
    }

    private sealed class Subject : SagaExecutorSubject
    {
        private SagaId? _broken;

        public override void AddExecutor(SagaRecoveryBuilder recovery)
        {
            recovery.Services.AddSingleton(new Recipe("contract", CookAsync, "first", "second"));
            recovery.UseExecutor<RecipeExecutor>();
            recovery.Services.AddSingleton<IHostedService>(services => services.GetRequiredService<RecipeExecutor>());
        }

        public override NewSaga CreateSaga(SagaId sagaId, IServiceProvider services) =>
            new(sagaId, services.GetRequiredService<Recipe>().Definition, "{}"u8.ToArray());

        public override void BreakRun(SagaId sagaId) => _broken = sagaId;

        private async Task CookAsync(SagaId sagaId, string step, CancellationToken cancellationToken)
        {
            await Steps.PassAsync(sagaId, cancellationToken);
            if (_broken == sagaId)
            {
                _broken = null;
                throw new InvalidOperationException("This run is broken.");
            }
        }
    }
}
