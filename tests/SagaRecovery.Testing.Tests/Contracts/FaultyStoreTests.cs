using SagaRecovery.Testing.Contracts;

namespace SagaRecovery.Testing.Tests.Contracts;

/// <summary>The suite can fail: a store with one fault breaks the corresponding rule. Every rule fails at least once.</summary>
public sealed class FaultyStoreTests
{
    public static TheoryData<Fault, string> Caught => new()
    {
        { Fault.KeepsIncarnation, "Joining raises the incarnation" },
        { Fault.KeepsIncarnation, "Concurrent joins get distinct incarnations, and only the highest can write" },
        { Fault.TakesWritesOfOldIncarnations, "Every call of a process with an old incarnation is fenced, and the exception names the new incarnation" },
        { Fault.FencesOthers, "Joining does not fence other coordinators" },
        { Fault.HidesUnwinding, "The listing contains exactly the coordinator's own sagas in progress" },
        { Fault.ListsOneDefinition, "A listed saga has the definition with which it was created, or none" },
        { Fault.SkipsAtPageEnd, "The listing is complete across pages and contains no duplicates" },
        { Fault.ListsFromLaggingCopy, "A saga committed before the listing began is listed, even while others are created" },
        { Fault.PagesByOffset, "A saga that stays in progress is listed, even while others end" },
        { Fault.HidesUnreadable, "An unreadable saga stays listed, is loaded as unreadable, and does not affect others" },
        { Fault.LoadsInReverse, "Loading returns one result for each candidate, in order" },
        { Fault.LoadsWithoutCheck, "Loading reports a saga that changed after the listing as superseded" },
        { Fault.CutsLog, "A log is loaded completely, regardless of its length" },
        { Fault.ParsesJson, "Stored data is read back byte for byte" },
        { Fault.KeepsDefinitionByName, "Each saga is loaded with its own definition" },
        { Fault.CreatesAtNewerGeneration, "A new saga is in progress, owned by its creator, at the initial generation" },
        { Fault.CreatesAgain, "A saga id can be created only once, and a repeated create changes nothing" },
        { Fault.ForgetsFirstEvents, "The first events of a new saga are stored together with its row, and those of a refused create are not" },
        { Fault.AddsEventsOfRefusedCreates, "The first events of a new saga are stored together with its row, and those of a refused create are not" },
        { Fault.CreatesAgain, "Of concurrent creates of one id, exactly one succeeds" },
        { Fault.IgnoresCancellation, "A call with an already cancelled token does nothing" },
        { Fault.IgnoresGeneration, "Only the owner can write, and only at its current generation" },
        { Fault.AnswersForTheGroup, "Each entry of a group gets its own result, in order" },
        { Fault.RefusesRepeats, "A repeated write changes nothing and succeeds, even after the saga has ended" },
        { Fault.WritesAfterEnd, "An ended saga accepts no new writes" },
        { Fault.WritesInReverse, "Entries of one saga take effect in order" },
        { Fault.WritesStateApart, "A cancelled append applies each entry completely or not at all" },
        { Fault.LosesSome, "Concurrent callers all get their own results" },
        { Fault.AbandonsNothing, "Abandoning a saga is final, and later writes to it are refused" },
        { Fault.AbandonsAnyGeneration, "A superseded saga is not abandoned" },
        { Fault.AbandonsWhatEnds, "When abandoning a saga races with ending it, exactly one takes effect" },
        { Fault.ForgetsDeadlines, "A saga is loaded with its deadline" },
        { Fault.ForgetsCancellationsOfAppends, "A cancellation that an append brings is stored with its state" },
        { Fault.ReplacesCancellations, "A saga whose cancellation was requested is loaded with the request, can unwind, and cannot succeed" },
        { Fault.TakesSuccessOfCancelled, "A saga whose cancellation was requested is loaded with the request, can unwind, and cannot succeed" },
        { Fault.CancelsWhatEnds, "Of a request to cancel and a success at the same time, one takes effect" },
        { Fault.ChecksIncarnationBeforeWriting, "After a join returns, no write of an older incarnation takes effect" },
        { Fault.TakesWritesOfOldIncarnations, "After a join returns, no write of an older incarnation takes effect" },
        { Fault.ChecksOwnerBeforeWriting, "After a saga is reassigned, no write of its former owner takes effect" },
        { Fault.IgnoresGeneration, "After a saga is reassigned, no write of its former owner takes effect" },
        { Fault.RestoresForOldIncarnations, "Every call of a process with an old incarnation is fenced, and the exception names the new incarnation" },
        { Fault.FindsForOldIncarnations, "Every call of a process with an old incarnation is fenced, and the exception names the new incarnation" },
        { Fault.IgnoresCancellationOfRejoins, "A call with an already cancelled token does nothing" },
        { Fault.IgnoresCancellationOfRestores, "A call with an already cancelled token does nothing" },
        { Fault.IgnoresCancellationOfQuestions, "A call with an already cancelled token does nothing" },
        { Fault.RejoinKeepsJoin, "A process that rejoins gets a newer join and keeps its sagas" },
        { Fault.RejoinRaisesGenerations, "A process that rejoins gets a newer join and keeps its sagas" },
        { Fault.RejoinsOncePerJoin, "A process that rejoins gets a newer join and keeps its sagas" },
        { Fault.RejoinFencesOthers, "A process that rejoins gets a newer join and keeps its sagas" },
        { Fault.ReusesLostIncarnation, "A process that rejoins gets a newer join and keeps its sagas" },
        { Fault.TakesWritesOfReplacedJoins, "A join that its own process has replaced is refused as lost, not as fenced" },
        { Fault.FencesLostJoins, "A join that its own process has replaced is refused as lost, not as fenced" },
        { Fault.RejoinsInPlaceOfAny, "Rejoining is refused after another process has joined, and the successor keeps its join" },
        { Fault.ChecksJoinBeforeRejoining, "When a process rejoins while another process joins, the other process can write afterwards" },
        { Fault.FencesLostJoins, "A join that the store has lost is refused as lost until its process rejoins" },
        { Fault.TakesWritesOfLostJoins, "A join that the store has lost is refused as lost until its process rejoins" },
        { Fault.CountsJoinsThatCameBack, "A join that the store has lost is refused as lost until its process rejoins" },
        { Fault.RejoinsOnlyStoredJoins, "A join that the store has lost is refused as lost until its process rejoins" },
        { Fault.ReusesLostIncarnation, "A join that the store has lost is refused as lost until its process rejoins" },
        { Fault.RejoinsInPlaceOfAny, "After a loss, the first of two processes to rejoin continues and the other is fenced" },
        { Fault.RejoinsOnlyStoredJoins, "After a loss, the first of two processes to rejoin continues and the other is fenced" },
        { Fault.ComparesNumbers, "A join after a loss fences the process whose join was lost, even with the same incarnation" },
        { Fault.RejoinsInPlaceOfAny, "A join after a loss fences the process whose join was lost, even with the same incarnation" },
        { Fault.RefusesCompleteLogs, "Restoring a complete log changes nothing, even when repeated" },
        { Fault.RestoresNothing, "Restoring writes only the missing events and the state" },
        { Fault.RestoresLastEventOnly, "Restoring writes only the missing events and the state" },
        { Fault.RestoresNoState, "Restoring writes only the missing events and the state" },
        { Fault.RestoresNoEnd, "Restoring writes only the missing events and the state" },
        { Fault.RefusesOwnEnd, "Restoring an ended saga succeeds for the same end, and a different end is reported as not ours" },
        { Fault.RestoresOtherEnds, "Restoring an ended saga succeeds for the same end, and a different end is reported as not ours" },
        { Fault.RestoresAnyGeneration, "Only the owner can restore a log, and only at its current generation" },
        { Fault.RestoresForAnyOwner, "Only the owner can restore a log, and only at its current generation" },
        { Fault.SupersedesBeforeOwner, "Only the owner can restore a log, and only at its current generation" },
        { Fault.MixesLogs, "A log with an event unknown to the run is reported as superseded and stays unchanged" },
        { Fault.ComparesLogLengths, "A log with an event unknown to the run is reported as superseded and stays unchanged" },
        { Fault.BringsLostBack, "Restoring a saga without a row reports it as lost and does not create it" },
        { Fault.LeavesEventsOfLost, "Restoring a saga without a row reports it as lost and does not create it" },
        { Fault.TakesLostForNotOwned, "Restoring a saga without a row reports it as lost and does not create it" },
        { Fault.RestoresStateApart, "A cancelled restore takes effect completely or not at all" },
        { Fault.FindsEndedLost, "Exactly the sagas without a row are reported as lost, regardless of owner and state" },
        { Fault.FindsReassignedLost, "Exactly the sagas without a row are reported as lost, regardless of owner and state" },
        { Fault.FindsOnOnePage, "Exactly the sagas without a row are reported as lost, regardless of owner and state" },
        { Fault.AnswersAtOnceAboutNone, "A query for lost sagas checks the join even without any saga ids" },
        { Fault.ReadsOnlyOwned, "A saga is read with its log and its state, regardless of owner and state" },
        { Fault.ReadsWithoutData, "A saga is read with its log and its state, regardless of owner and state" },
        { Fault.ReadsOlderLog, "A saga that is read as ended is read with its whole log" },
        { Fault.FindsUnwindingEnded, "Exactly the sagas in progress are found among those awaited" },
        { Fault.FindsEndedInProgress, "Exactly the sagas in progress are found among those awaited" },
        { Fault.FindsEndedUnknown, "The definitions of a coordinator's unfinished sagas are unknown unless they are registered" },
        { Fault.ForgetsAnyDag, "The definitions of a coordinator's unfinished sagas are unknown unless they are registered" },
        { Fault.CountsOnlyReturned, "The definitions of a coordinator's unfinished sagas are unknown unless they are registered" },
        { Fault.RefusesNothing, "A definition is refused while an unfinished saga has another shape of its name and version" },
        { Fault.RefusesForEnded, "A definition is refused while an unfinished saga has another shape of its name and version" },
        { Fault.RefusesBesideRegistered, "A definition is refused while an unfinished saga has another shape of its name and version" },
        { Fault.RefusesOtherVersions, "A definition is refused while an unfinished saga has another shape of its name and version" },
        { Fault.RefusesStored, "A definition is refused while an unfinished saga has another shape of its name and version" },
        { Fault.StoresRefused, "A definition is refused while an unfinished saga has another shape of its name and version" },
        { Fault.StoresForOldIncarnations, "A definition is refused while an unfinished saga has another shape of its name and version" },
        { Fault.CountsUnwindingEnded, "Each definition is listed with the numbers of its unfinished and ended sagas" },
        { Fault.ListsOnlyStarted, "Each definition is listed with the numbers of its unfinished and ended sagas" },
        { Fault.ExpiresAtOnce, "Retention finds exactly the sagas that ended in the state of its walk and have expired, on pages of any size" },
        { Fault.StopsAfterPage, "Retention finds exactly the sagas that ended in the state of its walk and have expired, on pages of any size" },
        { Fault.DeletesNothing, "Retention deletes a saga whole, and its id is free again" },
        { Fault.DeletesChanged, "Retention deletes no saga that changed after it was found, or that has not expired" },
        { Fault.DeletesYoung, "Retention deletes no saga that changed after it was found, or that has not expired" },
        { Fault.ArchivesWithoutLog, "Retention reads an expired saga whole for its archive, and none that changed after it was found" },
        { Fault.ArchivesChanged, "Retention reads an expired saga whole for its archive, and none that changed after it was found" },
        { Fault.SharesTurn, "One process has the turn to delete until it ends" },
        { Fault.ChecksJoinBeforeRestoring, "After a join returns, no write of an older incarnation takes effect" },
        { Fault.ChecksOwnerBeforeRestoring, "After a saga is reassigned, no write of its former owner takes effect" },
        { Fault.ChecksIncarnationBeforeWriting, "After a process rejoins, no write with its earlier join takes effect" },
        { Fault.ChecksJoinBeforeRestoring, "After a process rejoins, no write with its earlier join takes effect" },
        { Fault.TakesWritesOfReplacedJoins, "After a process rejoins, no write with its earlier join takes effect" },
    };

    [Theory]
    [MemberData(nameof(Caught))]
    public async Task A_store_with_one_fault_is_caught(Fault fault, string rule)
    {
        int losableCommits = SagaStoreContract.OptionalRules.Contains(rule) ? 1 : 0; // each costs a copy of the whole store with every write
        await using var subject = new FaultySubject(fault, losableCommits);
        Func<Task> check = () => SagaStoreContract.CheckAsync(rule, subject);

        ContractViolationException violation = (await check.Should().ThrowAsync<ContractViolationException>()).Which;

        violation.Rule.Should().Be(rule);
        violation.Message.Should().ContainAll(rule, violation.Expected, violation.Happened, violation.Cost);
    }

    [Fact]
    public void No_rule_is_left_that_nothing_breaks() =>
        Caught.Select(row => row.Data.Item2).Distinct().Should().BeEquivalentTo(SagaStoreContract.Rules);
}
