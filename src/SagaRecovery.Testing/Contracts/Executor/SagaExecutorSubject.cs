using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>An executor under test by <see cref="SagaExecutorContract"/>.</summary>
/// <remarks>
/// Create a new subject for each rule. The subject defines one saga with two sequential steps. Each step must call
/// <see cref="SagaSteps.PassAsync"/> and do nothing else, because the rules decide when a step continues. Rules that count steps stop the
/// host first. They detect every violation only if the executor is a hosted service that waits for its runs when it stops.
/// </remarks>
public abstract class SagaExecutorSubject : IAsyncDisposable
{
    /// <summary>The gate that both steps of the saga call.</summary>
    public SagaSteps Steps { get; } = new();

    /// <summary>The maximum time that a rule waits for one event. A rule that waits longer fails.</summary>
    /// <value>The default is 30 s.</value>
    public virtual TimeSpan WaitTimeout => TimeSpan.FromSeconds(30);

    /// <summary>
    /// Registers the executor and its dependencies as a service does, with <c>recovery.UseExecutor&lt;MyExecutor&gt;()</c>.
    /// </summary>
    /// <param name="recovery">The builder that <c>AddSagaRecovery()</c> returned.</param>
    /// <remarks>
    /// The host has an <see cref="InMemorySagaStore"/> as store and log, and a <see cref="FakeTimeProvider"/> that never advances.
    /// </remarks>
    public abstract void AddExecutor(SagaRecoveryBuilder recovery);

    /// <summary>Creates the row of a new saga with two steps and a definition that the executor knows.</summary>
    /// <param name="sagaId">The id of the saga.</param>
    /// <param name="services">The services of the host.</param>
    public abstract NewSaga CreateSaga(SagaId sagaId, IServiceProvider services);

    /// <summary>Optional. Makes the current run of a saga stop without finishing the saga when its current step is released.</summary>
    /// <param name="sagaId">A running saga that is in a step.</param>
    /// <remarks>
    /// The cause must be a fault of the run itself, such as an output that cannot be stored, and not an action that fails. The next run
    /// of the saga must succeed. The <see cref="SagaExecutorContract.OptionalRules"/> need it.
    /// </remarks>
    /// <exception cref="RuleSkippedException">The subject does not override this member.</exception>
    public virtual void BreakRun(SagaId sagaId) => throw new RuleSkippedException(nameof(BreakRun));

    /// <summary>Releases the resources of the subject.</summary>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}
