using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>The expectation that every call with an outdated join is refused, either as fenced or as lost.</summary>
internal static class Refusals
{
    /// <summary>Expects that every call is refused as fenced because another process has joined.</summary>
    /// <param name="trial">The store under test.</param>
    /// <param name="old">The outdated join.</param>
    /// <param name="present">The current join.</param>
    /// <param name="saga">A saga in progress of the same coordinator.</param>
    /// <param name="by">A description of the process with the outdated join, for the messages.</param>
    public static async Task FencedAsync(StoreTrial trial, Membership old, Membership present, SagaId saga, string by)
    {
        foreach ((string what, Func<Task> call) in CallsWith(trial, old, saga))
        {
            await FencedAsync(call, old, present, $"{what} by {by}").ConfigureAwait(false);
        }
    }

    /// <summary>Expects that one call is refused as fenced.</summary>
    public static async Task FencedAsync(Func<Task> call, Membership old, Membership present, string what)
    {
        CoordinatorFencedException refusal = await Expect.ThrowsAsync<CoordinatorFencedException>(call, what).ConfigureAwait(false);
        Expect.Equal(refusal.By, present.Incarnation, $"the successor's incarnation in the exception for {what}");
        Expect.Equal(refusal.Member, old, $"the fenced membership in the exception for {what}");
    }

    /// <summary>Expects that every call is refused as lost, so that the process can rejoin and continue.</summary>
    /// <inheritdoc cref="FencedAsync(StoreTrial, Membership, Membership, SagaId, string)" path="/param" />
    public static async Task LostAsync(StoreTrial trial, Membership old, SagaId saga, string by)
    {
        foreach ((string what, Func<Task> call) in CallsWith(trial, old, saga))
        {
            JoinLostException refusal = await Expect.ThrowsAsync<JoinLostException>(call, $"{what} by {by}").ConfigureAwait(false);
            Expect.Equal(refusal.Member, old, $"the lost membership in the exception for {what} by {by}");
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
