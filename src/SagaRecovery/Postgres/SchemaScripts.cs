using System.Globalization;
using System.Text;

namespace SagaRecovery.Postgres;

/// <summary>The scripts for administrators, with the same statements in the same order as the upgrade of a process.</summary>
internal static class SchemaScripts
{
    /// <summary>Returns the statements that create the tables. They are one transaction.</summary>
    public static string Creation(string schema, IReadOnlyList<SchemaStep> steps) =>
        $"create schema if not exists {schema};\n\n" + string.Join('\n', steps.Select(step => step.Apply(schema)));

    /// <summary>Returns a whole script: one transaction that creates the tables, or one for each step after a version.</summary>
    public static string Whole(string schema, int from, IReadOnlyList<SchemaStep> steps)
    {
        if (from == 0)
        {
            return $"{SchemaStep.BeginCreation(schema)}{Creation(schema, steps)}{Statements.Commit};\n";
        }

        var script = new StringBuilder();
        script.Append(CultureInfo.InvariantCulture, $"-- Upgrades schema {schema} from version {from} to {steps[^1].Version}. Each step is a transaction.\n");
        script.Append("-- If a step ends with 'canceling statement due to lock timeout', nothing was changed: run the script again from that step on.\n\n");
        foreach (SchemaStep step in steps.Skip(from))
        {
            if (step.IsConcurrent)
            {
                AppendConcurrent(script, schema, step);
                continue;
            }

            script.Append(step.Begin(schema)).Append(step.Guard(schema)).Append(step.Apply(schema)).Append(Statements.Commit).Append(";\n\n");
        }

        return script.ToString();
    }

    /// <summary>Appends the statements of a concurrent step, each by itself, and the transaction that records the version.</summary>
    private static void AppendConcurrent(StringBuilder script, string schema, SchemaStep step)
    {
        script.Append("-- These statements block no writer, and must not run in a transaction (no psql --single-transaction). If one fails, drop the index\n");
        script.Append("-- that it has left invalid, and run the script again from here.\n");
        script.Append(step.Guard(schema));
        foreach (SchemaStatement statement in step.Split(schema))
        {
            script.Append(statement.Sql).Append(";\n");
        }

        script.Append(SchemaStep.BeginCreation(schema)).Append(step.Guard(schema)).Append(step.Record(schema)).Append(Statements.Commit).Append(";\n\n");
    }
}
