using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>
/// An executor, to be held to <see cref="SagaExecutorContract"/>: a fresh one for each rule. It brings one kind of saga: two steps, one
/// after the other, each of which calls <see cref="SagaSteps.PassAsync"/> and does nothing else. The rules decide when a step may go on.
/// Rules that count what was done stop the host first: an executor that is a hosted service, and waits for its runs when it stops, is
/// caught for certain where another might be lucky.
/// </summary>
public abstract class SagaExecutorSubject : IAsyncDisposable
{
    /// <summary>What both steps of the saga call.</summary>
    public SagaSteps Steps { get; } = new();

    /// <summary>How long a rule may wait for anything before it is taken not to come. Default 30 s.</summary>
    public virtual TimeSpan WaitTimeout => TimeSpan.FromSeconds(30);

    /// <summary>
    /// Registers the executor, as a service would: <c>recovery.UseExecutor&lt;MyExecutor&gt;()</c> and what it needs. The host that it
    /// goes into has an <see cref="InMemorySagaStore"/> as store and log, and a <see cref="ManualTimeProvider"/> that stands still.
    /// </summary>
    /// <param name="recovery">What <c>AddSagaRecovery()</c> returned.</param>
    public abstract void AddExecutor(SagaRecoveryBuilder recovery);

    /// <summary>The row of a new saga of two steps, with a definition that the executor knows.</summary>
    /// <param name="sagaId">Its id.</param>
    /// <param name="services">The host's services.</param>
    public abstract NewSaga CreateSaga(SagaId sagaId, IServiceProvider services);

    /// <summary>
    /// Optional: sees to it that the run of a saga, which is in a step, stops without finishing its saga once the step is let go: a
    /// fault of the run itself, such as an output that cannot be stored, not an action that fails. Only this run: the next goes well.
    /// Where it is not overridden, the rules in <see cref="SagaExecutorContract.OptionalRules"/> throw <see cref="RuleSkippedException"/>.
    /// </summary>
    /// <param name="sagaId">The saga that runs.</param>
    public virtual void BreakRun(SagaId sagaId) => throw new RuleSkippedException(nameof(BreakRun));

    /// <summary>Lets go of what the subject holds.</summary>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}
