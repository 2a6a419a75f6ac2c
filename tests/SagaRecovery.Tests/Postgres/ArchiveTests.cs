using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using SagaRecovery.Fencing;
using SagaRecovery.Operations;
using SagaRecovery.Retention;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>The export before a deletion, and the way back.</summary>
public sealed class ArchiveTests(PostgresCluster cluster) : RetentionTest(cluster)
{
    [Fact]
    public async Task A_saga_is_exported_whole_before_it_is_deleted()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await EndedAsync(us, SagaState.Abandoned, TimeSpan.FromDays(31));
        await Db.ExecuteAsync(
            """
            update saga_recovery.saga set failed_node = 'pay', error_code = 'declined', cancel_time = now(), cancel_actor = 'bob', cancel_reason = 'mistake', deadline = now();
            insert into saga_recovery.saga_tag (saga_id, name, value) values (@Id, 'vpc', '17');
            insert into saga_recovery.saga_operator_action (id, action, saga_id, actor, reason) values (1, 'abandon', @Id, 'ann', 'hopeless');
            """,
            new { Id = saga.Value });
        var archive = new ListArchive();

        (await PurgeAsync(archive: archive)).Should().BeEquivalentTo(new { Found = 1, Archived = 1, Deleted = 1 });

        ArchivedSaga archived = archive.Sagas.Should().ContainSingle().Subject;
        (archived.Id, archived.State, archived.FailedNode, archived.ErrorCode, archived.Owner, archived.Creator)
            .Should().Be((saga, SagaState.Abandoned, "pay", "declined", us.Coordinator, us.Coordinator));
        Encoding.UTF8.GetString(archived.Parameters.Span).Should().Be("{\"a\":1}");
        archived.Definition.Dag.ToArray().Should().Equal(SagaDatabase.Definition.Dag.ToArray());
        archived.Events.Select(one => (one.NodeId, one.Type, Encoding.UTF8.GetString(one.Data.Span)))
            .Should().Equal((0, NodeEventType.Started, ""), (0, NodeEventType.Succeeded, "{\"out\":1}"));
        archived.Cancellation!.Note.Should().Be(new OperatorNote("bob", "mistake"));
        archived.Abandonment!.Reason.Should().Be("test");
        archived.Tags.Should().ContainSingle().Which.Should().Be(new KeyValuePair<string, string>("vpc", "17"));
        archived.Actions.Should().ContainSingle().Which.Note.Reason.Should().Be("hopeless");
    }

    [Fact]
    public async Task An_archive_that_fails_keeps_every_saga_of_its_batch()
    {
        Membership us = await Db.JoinAsync();
        await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(32));
        int batches = 0;
        var archive = new ListArchive { BeforeConfirming = _ => ++batches == 2 ? throw new IOException("disk full") : Task.CompletedTask };

        await FluentActions.Awaiting(() => PurgeAsync(archive: archive, batchSize: 1)).Should().ThrowAsync<IOException>();

        (await IdsAsync()).Should().ContainSingle().Which.Should().NotBe(archive.Sagas.Single().Id, "only what was confirmed is deleted");
        (await PurgeAsync(archive: archive)).Deleted.Should().Be(1, "the turn is free again");
    }

    [Fact]
    public async Task A_saga_that_the_export_did_not_find_stays()
    {
        Membership us = await Db.JoinAsync();
        await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        SagaId missed = await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(32));
        var store = new ScriptedRetention(Db.Retention) { AfterRead = sagas => [.. sagas.Where(saga => saga.Id != missed)] };
        var archive = new ListArchive();

        (await PurgeAsync(store: store, archive: archive)).Should().BeEquivalentTo(new { Found = 2, Archived = 1, Deleted = 1 });

        (await IdsAsync()).Should().Equal(missed);
    }

    [Fact]
    public async Task A_saga_that_changes_during_its_export_stays()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await EndedAsync(us, SagaState.Stuck, TimeSpan.FromDays(31));
        var archive = new ListArchive
        {
            BeforeConfirming = _ => Db.Operations.RetryUndoAsync(saga, OperatorActionCondition.None, Note, CancellationToken.None),
        };

        (await PurgeAsync(archive: archive)).Deleted.Should().Be(0);

        (await StatesAsync()).Should().Equal("unwinding");
    }

    [Fact]
    public async Task An_exported_saga_can_be_imported_and_shown_and_is_never_recovered()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await EndedAsync(us, SagaState.Stuck, TimeSpan.FromDays(31));
        await Db.ExecuteAsync(
            """
            insert into saga_recovery.saga_tag (saga_id, name, value) values (@Id, 'vpc', '17');
            insert into saga_recovery.saga_operator_action (id, action, saga_id, actor, reason) values (1, 'hold', @Id, 'ann', 'look'), (2, 'release', @Id, 'ann', 'fine');
            """,
            new { Id = saga.Value });
        SagaDetails before = (await Db.Operations.FindAsync(saga, CancellationToken.None))!;
        var archive = new ListArchive();
        await PurgeAsync(archive: archive);
        (await Db.Operations.FindAsync(saga, CancellationToken.None)).Should().BeNull();
        await Db.ExecuteAsync("delete from saga_recovery.saga_definition; delete from saga_recovery.saga_operator_action where id = 1");

        ArchivedSaga read = Read(Write(archive.Sagas.Single()));
        (await Db.Retention.ImportAsync(read, Note, CancellationToken.None)).Should().BeTrue();

        SagaDetails after = (await Db.Operations.FindAsync(saga, CancellationToken.None))!;
        Text(after).Should().Be(Text(before));
        (await Db.ListAsync(us)).Should().BeEmpty("recovery never runs it");
        (await Db.QueryAsync<string>("select string_agg(id || ' ' || action || ' ' || actor, ', ' order by id) from saga_recovery.saga_operator_action"))
            .Should().Be("2 release ann, 3 hold ann, 4 import ann", "what is still stored is not repeated");
        (await Db.QueryAsync<string>("select value from saga_recovery.saga_tag")).Should().Be("17");
        (await PurgeAsync()).Found.Should().Be(0, "its end counts from the import");
        (await Db.Retention.ImportAsync(read, Note, CancellationToken.None)).Should().BeFalse("the id exists");
    }

    [Theory]
    [InlineData(SagaState.Running)]
    [InlineData(SagaState.Unwinding)]
    public async Task A_saga_in_progress_is_not_imported(SagaState state)
    {
        Membership us = await Db.JoinAsync();
        await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        var archive = new ListArchive();
        await PurgeAsync(archive: archive);

        await FluentActions.Awaiting(() => Db.Retention.ImportAsync(archive.Sagas[0] with { State = state }, Note, CancellationToken.None))
            .Should().ThrowAsync<InvalidDataException>();

        (await IdsAsync()).Should().BeEmpty();
    }

    [Fact]
    public async Task Json_is_archived_byte_for_byte_and_each_saga_is_one_line()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        const string odd = "{ \"b\" : 1.00,\n  \"a\": \"\\u0000 ünï \\ud83d\", \"a\":2e400 }";
        await Db.ExecuteAsync("update saga_recovery.saga set params = @Odd::json; update saga_recovery.saga_node_event set data = @Flat::json where event_type = 'succeeded'",
            new { Odd = odd, Flat = odd.Replace("\n", " ", StringComparison.Ordinal) });
        var archive = new ListArchive();
        await PurgeAsync(archive: archive);

        string line = Write(archive.Sagas.Single());

        line.Count(character => character == '\n').Should().Be(1);
        ArchivedSaga read = Read(line);
        Encoding.UTF8.GetString(read.Parameters.Span).Should().Be(odd);
        Encoding.UTF8.GetString(read.Events[1].Data.Span).Should().Be(odd.Replace("\n", " ", StringComparison.Ordinal));
        Write(read).Should().Be(line);
        (await Db.Retention.ImportAsync(read, Note, CancellationToken.None)).Should().BeTrue();
        (await Db.QueryAsync<string>("select params::text from saga_recovery.saga where id = @Id", new { Id = saga.Value })).Should().Be(odd);
    }

    /// <summary>A reader of JSON drops them, and a definition without them would have another hash.</summary>
    [Theory]
    [InlineData(" {}")]
    [InlineData("{}\t")]
    [InlineData("\r\n {} ")]
    public async Task Blanks_around_json_are_archived(string json)
    {
        Membership us = await Db.JoinAsync();
        await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        var archive = new ListArchive();
        await PurgeAsync(archive: archive);
        byte[] bytes = Encoding.UTF8.GetBytes(json);
        ArchivedSaga saga = archive.Sagas.Single() with { Parameters = bytes, Definition = new SavedDefinition(DefinitionHash.Of(bytes), "blank", 1, bytes) };

        ArchivedSaga read = Read(Write(saga));

        Encoding.UTF8.GetString(read.Parameters.Span).Should().Be(json);
        Encoding.UTF8.GetString(read.Definition.Dag.Span).Should().Be(json);
        Write(read).Should().Be(Write(saga));
        (await Db.Retention.ImportAsync(read, Note, CancellationToken.None)).Should().BeTrue();
        (await Db.QueryAsync<string>("select d.dag::text from saga_recovery.saga s join saga_recovery.saga_definition d on d.hash = s.definition_hash")).Should().Be(json);
    }

    [Fact]
    public async Task A_saga_that_the_database_does_not_accept_is_refused_alone()
    {
        Membership us = await Db.JoinAsync();
        await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        var archive = new ListArchive();
        await PurgeAsync(archive: archive);
        ArchivedSaga saga = archive.Sagas.Single();

        foreach (ArchivedSaga damaged in new[]
        {
            saga with { Tags = new Dictionary<string, string> { ["vpc"] = "17\0" } },
            saga with { Parameters = "{"u8.ToArray() },
            saga with { Events = [.. saga.Events, .. saga.Events] },
        })
        {
            await FluentActions.Awaiting(() => Db.Retention.ImportAsync(damaged, Note, CancellationToken.None))
                .Should().ThrowAsync<InvalidDataException>().WithMessage($"Postgres does not accept saga {saga.Id}: *");
        }

        (await Db.Retention.ImportAsync(saga, Note, CancellationToken.None)).Should().BeTrue();
    }

    [Fact]
    public async Task A_line_that_a_crash_cut_off_is_recognized_and_the_next_one_is_whole()
    {
        Membership us = await Db.JoinAsync();
        for (int i = 0; i < 3; i++)
        {
            await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31 + i));
        }

        DirectoryInfo folder = Directory.CreateTempSubdirectory("archive");
        try
        {
            using (JsonLinesArchive first = NewArchive(folder, us.Coordinator))
            {
                await PurgeAsync(archive: first);
            }

            FileInfo file = folder.GetFiles().Should().ContainSingle().Subject;
            file.UnixFileMode.Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite, "it holds parameters and outputs");
            ArchivedLine[] whole = [.. ArchiveFile.Read(file.FullName)];
            whole.Should().HaveCount(3).And.OnlyContain(line => line.Saga != null);
            using (FileStream cut = file.OpenWrite())
            {
                cut.SetLength(cut.Length - 10);
            }

            using (var again = ArchiveFile.Open(file.FullName))
            {
                again.HadTornLine.Should().BeTrue();
                await again.AppendAsync([whole[2].Saga!], CancellationToken.None);
            }

            ArchiveFile.Read(file.FullName).Select(line => line.Saga?.Id).Should().Equal(whole[0].Saga!.Id, whole[1].Saga!.Id, null, whole[2].Saga!.Id);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_full_disk_fails_each_export_by_its_name_until_there_is_space()
    {
        Membership us = await Db.JoinAsync();
        await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        var exported = new ListArchive();
        await PurgeAsync(archive: exported);
        DirectoryInfo folder = Directory.CreateTempSubdirectory("archive");
        try
        {
            var time = new FakeTimeProvider(DateTimeOffset.Parse("2026-11-30T12:00Z", CultureInfo.InvariantCulture));
            using var archive = new JsonLinesArchive(folder.FullName, us.Coordinator, time, NullLogger.Instance);
            await archive.WriteAsync(exported.Sagas, CancellationToken.None);
            string next = folder.GetFiles().Single().FullName.Replace("20261130", "20261201", StringComparison.Ordinal);
            File.CreateSymbolicLink(next, "/dev/full");
            time.Advance(TimeSpan.FromDays(1));

            for (int attempt = 0; attempt < 2; attempt++)
            {
                await FluentActions.Awaiting(() => archive.WriteAsync(exported.Sagas, CancellationToken.None)).Should().ThrowAsync<IOException>().WithMessage("No space left*");
            }

            File.Delete(next);
            await archive.WriteAsync(exported.Sagas, CancellationToken.None);
            ArchiveFile.Read(next).Should().ContainSingle().Which.Saga!.Id.Should().Be(exported.Sagas.Single().Id);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Two_processes_with_one_id_write_to_files_of_their_own()
    {
        Membership us = await Db.JoinAsync();
        await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        var archive = new ListArchive();
        await PurgeAsync(archive: archive);
        DirectoryInfo folder = Directory.CreateTempSubdirectory("archive");
        try
        {
            using JsonLinesArchive one = NewArchive(folder, us.Coordinator);
            using JsonLinesArchive other = NewArchive(folder, us.Coordinator);
            await one.WriteAsync(archive.Sagas, CancellationToken.None);
            await other.WriteAsync(archive.Sagas, CancellationToken.None);

            folder.GetFiles().Should().HaveCount(2);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static JsonLinesArchive NewArchive(DirectoryInfo folder, CoordinatorId coordinator) =>
        new(folder.FullName, coordinator, TimeProvider.System, NullLogger.Instance);

    private static string Text(SagaDetails saga) => JsonSerializer.Serialize(saga with { Owner = null }, RecoveryReportJson.Default.SagaDetails);

    private static string Write(ArchivedSaga saga)
    {
        var buffer = new ArrayBufferWriter<byte>();
        ArchiveFormat.Write(buffer, saga);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static ArchivedSaga Read(string line) => ArchiveFormat.Read(line);
}
