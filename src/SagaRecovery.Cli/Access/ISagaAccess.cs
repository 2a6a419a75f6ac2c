using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Access;

/// <summary>What can be seen and done both through a service and straight on its database.</summary>
internal interface ISagaAccess : IAsyncDisposable
{
    /// <summary>Where it leads, for people; no secrets in it.</summary>
    string Where { get; }

    /// <summary>Sagas, newest first.</summary>
    Task<IReadOnlyList<SagaSummary>> ListAsync(SagaFilter filter, CancellationToken cancellationToken);

    /// <summary>One saga; null: there is none with this id.</summary>
    Task<SagaDetails?> FindAsync(SagaId sagaId, CancellationToken cancellationToken);

    /// <summary>Why a saga runs, or does not: of the process asked, or of its row alone.</summary>
    Task<SagaExplanation> ExplainAsync(SagaId sagaId, CancellationToken cancellationToken);

    Task<IReadOnlyList<CoordinatorDetails>> ListCoordinatorsAsync(CancellationToken cancellationToken);

    Task<IReadOnlyList<SagaCount>> CountAsync(CancellationToken cancellationToken);

    /// <summary>Who owns unfinished sagas, and which of them nobody is going to run.</summary>
    Task<ClusterDetails> ReadClusterAsync(CancellationToken cancellationToken);

    /// <summary>Pulls a lever on one saga.</summary>
    Task<OperatorActionResponse> PerformAsync(OperatorActionKind kind, SagaId sagaId, OperatorActionRequest request, CancellationToken cancellationToken);

    /// <summary>Pauses or resumes recovery.</summary>
    /// <param name="kind">Which of the two.</param>
    /// <param name="coordinator">Whose; null: the process's that is asked.</param>
    /// <param name="request">By whom, and why.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<OperatorActionResponse> PerformAsync(OperatorActionKind kind, CoordinatorId? coordinator, OperatorActionRequest request, CancellationToken cancellationToken);

    /// <summary>Gives unfinished sagas to others, and waits as long as the request says until those have recovered them.</summary>
    /// <param name="from">Whose; null: those that nobody owns.</param>
    /// <param name="request">To whom, by whom, and why.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<ReassignResponse> ReassignAsync(CoordinatorId? from, ReassignRequest request, CancellationToken cancellationToken);
}
