using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Names the things that an id or another text identifies.</summary>
internal static class WhatIsCommand
{
    public static Command Create(CommonOptions common)
    {
        Argument<string> text = new("id") { Description = "The id, hash, start key, tag, value of a tag, name of a definition or of a coordinator, or number of an operator action" };
        var command = new ToolCommand(
            "whatis",
            "Identifies an id or another text: a saga, a coordinator, a definition, a start key, a tag or an operator action",
            "whatis 0199c1d2-5a3b-7c4d-8e5f-60718293a4b5",
            "whatis 3fa9c1",
            "whatis order-4711")
        {
            text,
        };
        common.SetHandler(command, async (call, cancellationToken) =>
        {
            string id = call.Value(text)!;
            if (id.Length == 0 || id.Contains('\0', StringComparison.Ordinal))
            {
                throw new ToolException(ExitCode.Usage, "The id is empty or contains a NUL character.");
            }

            ISagaAccess access = call.Open();
            await using (access.ConfigureAwait(false))
            {
                IReadOnlyList<IdMatch> matches = await access.IdentifyAsync(id, cancellationToken).ConfigureAwait(false);
                if (call.Json)
                {
                    call.Screen.Json(matches, RecoveryReportJson.Default.IReadOnlyListIdMatch);
                }
                else
                {
                    foreach (IdMatch match in matches)
                    {
                        call.Screen.Line(PlainText.OneLine(match.Description, longest: 1_000));
                    }
                }

                if (matches.Count >= IdMatch.MaxCount)
                {
                    call.Note($"There may be more than these {IdMatch.MaxCount}: 'sagas list --tag NAME=VALUE' lists the sagas with a tag, 'definitions list' all definitions.");
                }

                return matches.Count > 0 ? ExitCode.Done : throw new ToolException(ExitCode.NotFound, Unknown(id, access.Target));
            }
        });
        return command;
    }

    /// <summary>Words an id that was not found. The key of a step cannot be traced back: it is a hash of the saga and the node.</summary>
    private static string Unknown(string id, string target)
    {
        bool isMadeFromHash = Guid.TryParse(id, out Guid uuid) && uuid.Version == 8;
        string hint = isMadeFromHash ? " It has the form of an idempotency key of a step, or of the id of a saga with a start key; neither can be traced back." : "";
        return $"Nothing in {target} has the id '{PlainText.OneLine(id, longest: 80)}'.{hint}";
    }
}
