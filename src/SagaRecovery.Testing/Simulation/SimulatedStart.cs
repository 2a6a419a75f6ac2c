using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing;

/// <summary>
/// The start of a saga in a simulated process, step by step. The saga is announced; call <see cref="InsertAsync"/>, <see cref="Run"/>
/// and <see cref="Confirm"/> next. Disposing the object before <see cref="Confirm"/> withdraws the start. Not thread-safe.
/// </summary>
public sealed class SimulatedStart : IDisposable
{
    private static readonly byte[] Dag = "{}"u8.ToArray();
    private static readonly SavedDefinition Definition = new(DefinitionHash.Of(Dag), "simulated", Version: 1, Dag);

    private readonly SagaStart _start;
    private readonly ISagaLog _log;
    private readonly Membership _member;
    private readonly ScriptedExecutor _executor;

    internal SimulatedStart(SagaStart start, ISagaLog log, Membership member, ScriptedExecutor executor)
    {
        _start = start;
        _log = log;
        _member = member;
        _executor = executor;
    }

    /// <summary>The id of the saga.</summary>
    public SagaId SagaId => _start.SagaId;

    /// <summary>Inserts the row. Passes <see cref="SimulatedStep.Insert"/> and <see cref="SimulatedStep.InsertAnswer"/>.</summary>
    /// <returns>True if the row was inserted, false if a saga with this id exists.</returns>
    /// <exception cref="Fencing.CoordinatorFencedException">A newer process has joined.</exception>
    public Task<bool> InsertAsync(CancellationToken cancellationToken = default) =>
        _log.CreateAsync(_member, new NewSaga(SagaId, Definition, "{}"u8.ToArray()), cancellationToken);

    /// <summary>Starts the run of the saga, unless recovery has resumed it in the meantime.</summary>
    public void Run() => _executor.Begin(SagaId, AdoptGeneration.Initial);

    /// <summary>Reports to recovery that the row is committed and that this process runs the saga.</summary>
    public void Confirm() => _start.Confirm(AdoptGeneration.Initial);

    /// <summary>Withdraws the start unless <see cref="Confirm"/> was called.</summary>
    public void Dispose() => _start.Dispose();
}
