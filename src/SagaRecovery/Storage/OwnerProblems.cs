using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>The problems of unfinished sagas whose owner does not answer. Pure.</summary>
internal static class OwnerProblems
{
    /// <param name="sagas">The sagas of an owner that does not answer, or of none.</param>
    /// <param name="coordinators">The coordinators on the store.</param>
    /// <param name="now">The time by the clock of this process.</param>
    public static Problem Of(OwnedSagas sagas, IReadOnlyList<CoordinatorDetails> coordinators, DateTimeOffset now)
    {
        string number = PlainText.Count(sagas.Count ?? 0, "unfinished saga");
        CoordinatorDetails? owner = coordinators.FirstOrDefault(one => one.Id == sagas.Owner);
        return (sagas.Owner, owner) switch
        {
            (null, _) => new Problem(ProblemKind.Unowned, "", sagas.Oldest ?? now, $"{number} {(sagas.Count == 1 ? "has" : "have")} no owner.") { Next = "coordinators reassign unowned" },
            ({ } id, { } known) => new Problem(ProblemKind.OwnerDown, id.ToString(), now - known.Silence, $"{(known.HasShutDown ? "It was shut down" : "It does not answer")}, and owns {number}.")
            {
                Name = known.Host,
                Next = $"coordinators reassign {id}",
            },
            ({ } id, null) => new Problem(ProblemKind.UnknownOwner, id.ToString(), sagas.Oldest ?? now, $"It has never joined, and owns {number}.") { Next = $"coordinators reassign {id}" },
        };
    }
}
