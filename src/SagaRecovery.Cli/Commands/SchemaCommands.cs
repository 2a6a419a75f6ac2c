using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Postgres;

namespace SagaRecovery.Cli.Commands;

/// <summary>Prints, checks and applies the schema of the tables.</summary>
internal static class SchemaCommands
{
    public static Command CreateScript(CommonOptions common)
    {
        var from = new Option<int>("--from")
        {
            Description = "The version of the present tables, for a script that upgrades them [default: 0, which creates them]",
            HelpName = "version",
            CustomParser = Values.ParseSchemaVersion,
        };
        var partitions = new Option<int?>("--partition-events")
        {
            Description = $"Prints a script that divides the table of events into this number of partitions instead: 2 to {PostgresSchema.MaxEventPartitions}",
            HelpName = "partitions",
        };
        partitions.Validators.Add(option =>
        {
            if (option.GetValueOrDefault<int?>() is < 2 or > PostgresSchema.MaxEventPartitions)
            {
                option.AddError($"--partition-events is a number from 2 to {PostgresSchema.MaxEventPartitions}.");
            }
        });
        var command = new ToolCommand(
            "script",
            "Prints the SQL that creates the tables or upgrades them; needs no connection",
            "schema script > sagas.sql",
            "schema script --schema my_sagas | psql -v ON_ERROR_STOP=1",
            "schema script --from 7 | psql -v ON_ERROR_STOP=1",
            "schema script --partition-events 16 | psql -v ON_ERROR_STOP=1");
        command.Options.Add(from);
        command.Options.Add(partitions);
        common.SetHandler(command, (call, _) =>
        {
            string schema = call.Value(common.Schema)!;
            string script = call.Value(partitions) is { } number
                ? PostgresSchema.PartitionEventsScript(number, schema)
                : PostgresSchema.Script(schema, call.Value(from));
            if (call.Json)
            {
                call.Screen.Json(new SchemaScript(schema, PostgresSchema.Version, script), ToolJson.Default.SchemaScript);
            }
            else
            {
                call.Screen.Line(script.TrimEnd());
            }

            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }

    public static Command CreateCheck(CommonOptions common)
    {
        var command = new ToolCommand(
            "check",
            "Compares the tables with the schema of this version; exit code 1 if they differ",
            "schema check --connection 'Host=127.0.0.1;Database=control_plane;Username=postgres'");
        common.SetHandler(command, async (call, cancellationToken) =>
        {
            DatabaseAccess database = call.OpenDatabase();
            await using (database.ConfigureAwait(false))
            {
                return await CheckAsync(call, call.Value(common.Schema)!, database, cancellationToken).ConfigureAwait(false);
            }
        });
        return command;
    }

    public static Command CreateApply(CommonOptions common)
    {
        var command = new ToolCommand(
            "apply",
            "Creates or updates the tables; safe to repeat",
            "schema apply --connection 'Host=127.0.0.1;Database=control_plane;Username=postgres' --schema saga_recovery");
        common.SetHandler(command, async (call, cancellationToken) =>
        {
            DatabaseAccess database = call.OpenDatabase();
            await using (database.ConfigureAwait(false))
            {
                await database.ApplySchemaAsync(cancellationToken).ConfigureAwait(false);
                return await CheckAsync(call, call.Value(common.Schema)!, database, cancellationToken).ConfigureAwait(false);
            }
        });
        return command;
    }

    private static async Task<ExitCode> CheckAsync(Call call, string schema, DatabaseAccess database, CancellationToken cancellationToken)
    {
        SchemaState state = await database.InspectSchemaAsync(cancellationToken).ConfigureAwait(false);
        IReadOnlyList<string> differences = state.Describe();
        if (call.Json)
        {
            call.Screen.Json(new SchemaFindings(schema, PostgresSchema.Version, differences), ToolJson.Default.SchemaFindings);
        }
        else if (differences.Count == 0)
        {
            call.Screen.Line(state.Version == PostgresSchema.Version
                ? $"schema '{schema}' matches version {PostgresSchema.Version}"
                : $"schema '{schema}' is at version {state.Version}, which packages of version {PostgresSchema.Version} can use");
        }
        else
        {
            foreach (string difference in differences)
            {
                call.Screen.Lines(difference);
            }
        }

        if (differences.Count > 0)
        {
            call.Note(new SchemaMismatchException(schema, state).Message);
            return ExitCode.Failed;
        }

        return ExitCode.Done;
    }
}
