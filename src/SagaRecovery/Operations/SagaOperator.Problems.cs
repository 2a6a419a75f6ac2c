using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <content>The problems of the store and of this process.</content>
public sealed partial class SagaOperator
{
    /// <summary>Lists what deserves an operator's attention: in the whole store, and in this process.</summary>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <exception cref="SearchTimeoutException">The query took too long.</exception>
    public async Task<ProblemList> ListProblemsAsync(CancellationToken cancellationToken = default)
    {
        _coordinator.ThrowIfIncompatible();
        RecoveryReport report = _status.Current;
        ProblemList present = await _problems.ListAsync(ProcessProblems.Of(report), owners: null, cancellationToken).ConfigureAwait(false);
        return ProcessProblems.CountAll(present, report).After(report.Problems);
    }

    /// <summary>Acknowledges a problem: it stays in the list, and alerts no longer count it, until it is resolved and begins anew.</summary>
    /// <param name="id">The id of the problem.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <returns>The problem with the acknowledgement; null if there is no problem with this id.</returns>
    /// <exception cref="SearchTimeoutException">The query took too long.</exception>
    /// <exception cref="NotSupportedException">The store does not keep acknowledgements.</exception>
    public async Task<Problem?> AcknowledgeAsync(string id, OperatorNote note)
    {
        EnsureMayAct();
        Problem? acknowledged = await _problems.AcknowledgeAsync(id, ProcessProblems.Of(_status.Current), note, CancellationToken.None).ConfigureAwait(false);
        if (acknowledged is null)
        {
            return null;
        }

        _operatorActionLog.ReportAcknowledged(id, note);
        await PublishAsync(async () =>
        {
            ProblemList problems = await ListProblemsAsync().ConfigureAwait(false);
            _status.Update(problems);
            acknowledged = problems.Problems.FirstOrDefault(problem => problem.Id == id) ?? acknowledged; // with the time since which it is listed
        }).ConfigureAwait(false);
        return acknowledged;
    }
}
