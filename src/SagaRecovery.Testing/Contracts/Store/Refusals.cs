using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>The two refusals of a join that does not count, expected of every call that a process makes with its join.</summary>
internal static class Refusals
{
    /// <summary>Expects that another process has joined since: the process with the old join stops for good.</summary>
    /// <param name="trial">The store.</param>
    /// <param name="old">The join that does not count.</param>
    /// <param name="present">The join that counts.</param>
    /// <param name="saga">A saga of their coordinator, in progress.</param>
    /// <param name="who">The process with the old join, as the messages name it.</param>
    public static async Task FencedAsync(StoreTrial trial, Membership old, Membership present, SagaId saga, string who)
    {
        foreach ((string what, Func<Task> call) in CallsWith(trial, old, saga))
        {
            await FencedAsync(call, old, present, $"{what} by {who}").ConfigureAwait(false);
        }
    }

    /// <summary>Expects the same of one call.</summary>
    public static async Task FencedAsync(Func<Task> call, Membership old, Membership present, string what)
    {
        CoordinatorFencedException refusal = await Expect.ThrowsAsync<CoordinatorFencedException>(call, what).ConfigureAwait(false);
        Expect.Equal(refusal.By, present.Incarnation, $"the incarnation that took over, as reported to {what}");
        Expect.Equal(refusal.Member, old, $"the process that is fenced, as reported to {what}");
    }

    /// <summary>Expects that the store has lost the join: its process may join again, and continues.</summary>
    /// <inheritdoc cref="FencedAsync(StoreTrial, Membership, Membership, SagaId, string)" path="/param" />
    public static async Task LostAsync(StoreTrial trial, Membership old, SagaId saga, string who)
    {
        foreach ((string what, Func<Task> call) in CallsWith(trial, old, saga))
        {
            JoinLostException refusal = await Expect.ThrowsAsync<JoinLostException>(call, $"{what} by {who}").ConfigureAwait(false);
            Expect.Equal(refusal.Member, old, $"the process whose join is lost, as reported to {what} by {who}");
        }
    }

    private static (string What, Func<Task> Call)[] CallsWith(StoreTrial trial, Membership member, SagaId saga) =>
    [
        ("listing", () => trial.ListAsync(member)),
        ("loading", () => trial.LoadAsync(member, StoreTrial.AsCandidate(saga))),
        ("creating", () => trial.CreateAsync(member)),
        ("appending", () => trial.AppendAsync(member, StoreTrial.Started(saga, node: 0))),
        ("ending", () => trial.AppendAsync(member, StoreTrial.Entry(saga, SagaState.Succeeded))),
        ("restoring", () => trial.RestoreAsync(member, StoreTrial.Started(saga, node: 0, SagaState.Running))),
        ("finding lost sagas", () => trial.FindLostAsync(member, saga)),
        ("abandoning", () => trial.AbandonAsync(member, saga)),
    ];
}
