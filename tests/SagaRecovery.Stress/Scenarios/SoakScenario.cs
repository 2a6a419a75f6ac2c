using System.Globalization;
using System.Text.Json;
using Dapper;
using EmbeddedPostgres;
using Npgsql;
using SagaRecovery.Stress.Retention;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// The service under full load for a long time, with a retention of a minute. Each ten seconds the sizes of tables and indexes, the memory of the process
/// and the duration of a pass go to a file. At the end, the last third of the time must be like the middle third, for each saga that is kept.
/// </summary>
/// <param name="csv">The file for the samples; null for <c>soak.csv</c> in the present folder.</param>
internal sealed class SoakScenario(string? csv = null) : Scenario
{
    private const int Clients = 16;

    /// <summary>The number of samples from which on the thirds are compared. Before that, the database has not reached its size.</summary>
    private const int LeastSamples = 30;

    /// <summary>The growth from the middle to the last third that counts as flat. Sizes and times vary between vacuums.</summary>
    private const double Flat = 1.25;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    public override string Name => "soak";

    public override async Task RunAsync(StressRun run)
    {
        TimeSpan keep = run.Duration / 6 < TimeSpan.FromMinutes(1) ? run.Duration / 6 : TimeSpan.FromMinutes(1);
        TimeSpan interval = run.Duration / 6 < Interval ? run.Duration / 6 : Interval;
        await using Stage stage = await Stage.SetAsync(new ClusterOptions());
        ServiceProcess first = await stage.StartAsync();
        await first.FirstPassAsync();
        await DeletionJournal.CreateAsync(stage);
        await first.TerminateAsync();
        await stage.RetireAsync(first);
        ServiceProcess service = await stage.StartAsync(
            $"--SagaRecovery:Retention:KeepSucceeded={keep}",
            $"--SagaRecovery:Retention:Period={keep / 4}",
            "--Serilog:MinimumLevel:Override:SagaRecovery=Warning"); // the log of an hour would fill this process
        List<SoakSample> samples = [];
        string file = csv ?? "soak.csv";
        await File.WriteAllLinesAsync(file, [SoakSample.Header]);
        await using (var load = new ProjectLoad(() => stage.Present, Clients, pause: run.ClientPause))
        {
            TimeSpan began = run.Elapsed;
            while (run.Continues(enough: true))
            {
                await Task.Delay(interval); // the next sample
                SoakSample sample = await MeasureAsync(stage, service, run.Elapsed - began);
                samples.Add(sample);
                await File.AppendAllLinesAsync(file, [sample.ToLine()]);
                run.Log(string.Create(CultureInfo.InvariantCulture, $"{sample.Sagas} sagas, {sample.Deleted} deleted, {sample.TableBytes / 1e6:F1} MB, pass {sample.PassMilliseconds:F1} ms"));
            }

            await load.EndAsync();
            run.Figures["projectsPromised"] = load.Promised.Count;
            run.Figures["refused"] = load.Others;
        }

        Judge(run, samples);
        run.Require(await service.TerminateAsync() == 0, "the service did not end cleanly");
    }

    private static void Judge(StressRun run, List<SoakSample> samples)
    {
        run.Figures["samples"] = samples.Count;
        run.Figures["deleted"] = samples[^1].Deleted;
        run.Require(samples[^1].Deleted > 0, "nothing was deleted");
        if (samples.Count < LeastSamples)
        {
            return;
        }

        // The clients create as many sagas as the machine allows, and it may have other work. So sizes are compared for each saga that is kept.
        RequireFlat("secondsKept", SoakSample.SecondsKept);
        RequireFlat("tableBytesPerSaga", third => third.Average(sample => (double)sample.TableBytes / sample.Sagas));
        RequireFlat("indexBytesPerSaga", third => third.Average(sample => (double)sample.IndexBytes / sample.Sagas));
        RequireFlat("processBytes", third => third.Average(sample => sample.ProcessBytes));
        RequireFlat("passMilliseconds", third => third.Average(sample => sample.PassMilliseconds));

        void RequireFlat(string name, Func<IReadOnlyList<SoakSample>, double> value)
        {
            double growth = SoakSample.Growth(samples, value);
            run.Figures[$"{name}Growth"] = Math.Round(growth, 3);
            run.Require(growth <= Flat, string.Create(CultureInfo.InvariantCulture, $"{name} grew by {growth:F2} from the middle third to the last"));
        }
    }

    private static async Task<SoakSample> MeasureAsync(Stage stage, ServiceProcess service, TimeSpan elapsed)
    {
        JsonElement pass = await service.ActivateAsync();
        await using var connection = new NpgsqlConnection($"{stage.Superuser};Pooling=false");
        (long sagas, long deleted, long tables, long indexes) = await connection.QuerySingleAsync<(long, long, long, long)>(
            """
            select (select count(*) from saga_recovery.saga), (select count(*) from public.deleted_saga), sum(pg_table_size(c.oid))::bigint, sum(pg_indexes_size(c.oid))::bigint
            from pg_class c where c.relnamespace = 'saga_recovery'::regnamespace and c.relkind = 'r'
            """);
        using var process = System.Diagnostics.Process.GetProcessById(service.Id);
        return new SoakSample(
            elapsed.TotalSeconds, sagas, deleted, tables, indexes, process.WorkingSet64,
            TimeSpan.Parse(pass.GetProperty("duration").GetString()!, CultureInfo.InvariantCulture).TotalMilliseconds);
    }
}
