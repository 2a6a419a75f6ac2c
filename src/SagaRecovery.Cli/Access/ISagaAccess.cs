using SagaRecovery.Operations;
using SagaRecovery.Status;

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
    Task<ClusterDetails> LookAtClusterAsync(CancellationToken cancellationToken);

    /// <summary>Pulls a lever on one saga.</summary>
    Task<LeverAnswer> PullAsync(Lever lever, SagaId sagaId, LeverRequest request, CancellationToken cancellationToken);

    /// <summary>Pauses or resumes recovery.</summary>
    /// <param name="lever">Which of the two.</param>
    /// <param name="coordinator">Whose; null: the process's that is asked.</param>
    /// <param name="request">By whom, and why.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<LeverAnswer> PullAsync(Lever lever, CoordinatorId? coordinator, LeverRequest request, CancellationToken cancellationToken);

    /// <summary>Gives unfinished sagas to others, and waits as long as the request says until those have recovered them.</summary>
    /// <param name="from">Whose; null: those that nobody owns.</param>
    /// <param name="request">To whom, by whom, and why.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<ReassignAnswer> ReassignAsync(CoordinatorId? from, ReassignRequest request, CancellationToken cancellationToken);
}
