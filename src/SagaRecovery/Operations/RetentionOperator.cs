using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Diagnostics;
using SagaRecovery.Retention;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>The operator actions that delete what has ended: purges, and coordinators to forget.</summary>
/// <remarks>The store and the log record every action with its actor and its reason. A singleton; thread-safe. Exceptions come from the store and the archive.</remarks>
public sealed class RetentionOperator
{
    private readonly ISagaRetention _store;
    private readonly PurgeAction _purge;
    private readonly ILogger _logger;

    internal RetentionOperator(
        ISagaRetention store, ArchiveChoice archive, IOptions<RetentionOptions> options, TimeProvider time, ILogger<RetentionOperator> logger)
    {
        _store = store;
        _purge = new PurgeAction(store, archive.Archive, time)
        {
            IsKept = name => options.Value.ByDefinition.GetValueOrDefault(name) is { Keep: true },
        };
        _logger = logger;
    }

    /// <summary>Deletes ended sagas by age, state and definition, or counts them. If this process has an archive, they are exported before.</summary>
    /// <param name="request">The scope.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Ends the purge. What was deleted stays deleted.</param>
    /// <returns>
    /// The counts. A request returns after about 10 seconds even if the purge is not complete: repeat it with the continuation of the response then.
    /// </returns>
    /// <remarks>
    /// Sagas of a definition that <see cref="DefinitionRetention.Keep"/> keeps are left out, unless the request names the definition. The response
    /// lists such definitions.
    /// </remarks>
    /// <exception cref="ArgumentException">The request is not valid.</exception>
    public async Task<PurgeResponse> PurgeAsync(PurgeRequest request, OperatorNote note, CancellationToken cancellationToken = default)
    {
        if (request.Validate() is { } error)
        {
            throw new ArgumentException(error, nameof(request));
        }

        PurgeResponse response = await _purge.PerformAsync(request, note, cancellationToken).ConfigureAwait(false);
        if (request.Delete)
        {
            Log.Purged(_logger, PlainText.OneLine(note.Actor), response.Deleted, Log.Exported(response.Archived), PlainText.OneLine(note.Reason));
        }

        return response;
    }

    /// <summary>Deletes a coordinator that does not answer and owns no unfinished sagas.</summary>
    /// <param name="coordinator">The coordinator.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The outcome, also as a sentence.</returns>
    /// <remarks>A process that joins under the id later begins with the first incarnation.</remarks>
    public async Task<OperatorActionResponse> ForgetAsync(CoordinatorId coordinator, OperatorNote note, CancellationToken cancellationToken = default) =>
        Describe(coordinator, await _store.ForgetCoordinatorAsync(coordinator, note, cancellationToken).ConfigureAwait(false));

    internal static OperatorActionResponse Describe(CoordinatorId coordinator, ForgetResult result) => result switch
    {
        ForgetResult.Done => new(OperatorActionStatus.Done, $"forget: done, coordinator {coordinator}"),
        ForgetResult.NoSuchCoordinator => new(OperatorActionStatus.NoSuchCoordinator, $"There is no coordinator {coordinator}."),
        ForgetResult.Answers => new(OperatorActionStatus.OwnerAnswers, $"forget: not done, coordinator {coordinator} answers. Stop its process first."),
        _ => new(
            OperatorActionStatus.OwnsSagas,
            $"forget: not done, coordinator {coordinator} owns unfinished sagas. Reassign them first: coordinators reassign {coordinator}."),
    };
}
