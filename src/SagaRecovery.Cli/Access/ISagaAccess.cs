using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Access;

/// <summary>The queries and operator actions that both a service and its database offer.</summary>
internal interface ISagaAccess : IAsyncDisposable
{
    /// <summary>The name of the service or database for messages. It contains no secrets.</summary>
    string Target { get; }

    /// <summary>Lists sagas, newest first.</summary>
    Task<IReadOnlyList<SagaSummary>> ListAsync(SagaFilter filter, CancellationToken cancellationToken);

    /// <summary>Returns one saga, or null if no saga has this id.</summary>
    Task<SagaDetails?> FindAsync(SagaId sagaId, CancellationToken cancellationToken);

    /// <summary>Explains why a saga runs or not, from the state of the process or from the saga's row alone.</summary>
    Task<SagaExplanation> ExplainAsync(SagaId sagaId, CancellationToken cancellationToken);

    Task<IReadOnlyList<CoordinatorDetails>> ListCoordinatorsAsync(CancellationToken cancellationToken);

    Task<SagaCounts> CountAsync(CancellationToken cancellationToken);

    /// <summary>Finds what a text identifies.</summary>
    Task<IReadOnlyList<IdMatch>> IdentifyAsync(string text, CancellationToken cancellationToken);

    /// <summary>Runs an operator action on a batch of sagas.</summary>
    Task<SagaBatchResponse> PerformAsync(OperatorActionKind kind, SagaBatchRequest request, CancellationToken cancellationToken);

    /// <summary>Returns the stored and published definitions, with the need for each.</summary>
    Task<DefinitionList> ListDefinitionsAsync(CancellationToken cancellationToken);

    /// <summary>Returns the owners of unfinished sagas, including sagas without a running owner.</summary>
    Task<ClusterDetails> ReadClusterAsync(CancellationToken cancellationToken);

    /// <summary>Lists what deserves an operator's attention.</summary>
    Task<ProblemList> ListProblemsAsync(CancellationToken cancellationToken);

    /// <summary>Acknowledges a problem, and returns it.</summary>
    /// <exception cref="ToolException">There is no such problem.</exception>
    Task<Problem> AcknowledgeAsync(string id, OperatorActionRequest request, CancellationToken cancellationToken);

    /// <summary>Runs an operator action on one saga.</summary>
    Task<OperatorActionResponse> PerformAsync(OperatorActionKind kind, SagaId sagaId, OperatorActionRequest request, CancellationToken cancellationToken);

    /// <summary>Pauses or resumes recovery.</summary>
    /// <param name="kind">Pause or Resume.</param>
    /// <param name="coordinator">The coordinator, or null for that of the service itself.</param>
    /// <param name="request">The operator and the reason.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    Task<OperatorActionResponse> PerformAsync(
        OperatorActionKind kind, CoordinatorId? coordinator, OperatorActionRequest request, CancellationToken cancellationToken);

    /// <summary>Reassigns unfinished sagas to other coordinators. Waits for their recovery if the request asks for it.</summary>
    /// <param name="from">The present owner, or null for sagas without an owner.</param>
    /// <param name="request">The new owners, the operator and the reason.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    Task<ReassignResponse> ReassignAsync(CoordinatorId? from, ReassignRequest request, CancellationToken cancellationToken);

    /// <summary>Deletes ended sagas, or counts them. Returns after a while even if sagas are left; see <see cref="PurgeResponse.IsComplete"/>.</summary>
    Task<PurgeResponse> PurgeAsync(PurgeRequest request, CancellationToken cancellationToken);

    /// <summary>Deletes a coordinator that does not answer and owns no unfinished sagas.</summary>
    Task<OperatorActionResponse> ForgetAsync(CoordinatorId coordinator, OperatorActionRequest request, CancellationToken cancellationToken);
}
