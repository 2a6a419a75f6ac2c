using Npgsql;

namespace Tests.Shared;

/// <summary>Runs a script as psql does: statement by statement, up to the first that fails.</summary>
internal static class SqlScript
{
    public static async Task RunAsync(NpgsqlConnection connection, string script)
    {
        string statement = "";
        foreach (string part in script.Split(";\n"))
        {
            statement += part + ";\n";
            if (statement.Count(character => character == '$') % 4 == 0) // else within the quotes of a function
            {
                await using var command = new NpgsqlCommand(statement, connection);
                await command.ExecuteNonQueryAsync();
                statement = "";
            }
        }
    }
}
