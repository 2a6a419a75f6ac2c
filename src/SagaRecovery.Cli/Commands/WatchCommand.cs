using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.Cli.Commands;

/// <summary>Shows the status repeatedly until Ctrl-C. An outage of the service does not end it: that is when operators watch.</summary>
internal static class WatchCommand
{
    public static Command Create(CommonOptions common)
    {
        Option<TimeSpan?> every = new("--every")
        {
            Description = "The interval between two updates, such as 500ms, 10s or 1m [default: 2s]",
            HelpName = "time",
            CustomParser = Values.ParseSpan,
        };
        var command = new ToolCommand(
            "watch",
            "Shows the status repeatedly until Ctrl-C: in place on a terminal, one after the other elsewhere (--json: one line each)",
            "watch --url http://127.0.0.1:5080",
            "watch --url http://127.0.0.1:5080 --every 10s --json >> status.jsonl")
        {
            every,
        };
        common.SetHandler(command, (call, cancellationToken) => RunAsync(call, call.Value(every) ?? TimeSpan.FromSeconds(2), cancellationToken));
        return command;
    }

    private static async Task<ExitCode> RunAsync(Call call, TimeSpan every, CancellationToken cancellationToken)
    {
        ServiceAccess service = call.OpenService();
        await using (service.ConfigureAwait(false))
        {
            bool inPlace = call.Environment.SupportsAnsi && !call.Json;
            try
            {
                Func<Task> update = call.Json ? await FirstJsonAsync(call, service, cancellationToken).ConfigureAwait(false)
                    : await FirstTextAsync(call, service, every, inPlace, cancellationToken).ConfigureAwait(false);
                while (true)
                {
                    await Task.Delay(every, call.Environment.Time, cancellationToken).ConfigureAwait(false);
                    await update().ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return ExitCode.Done; // Ctrl-C is the normal way to end it
            }
        }
    }

    /// <summary>Prints the first status, which must succeed: an address that fails at once is probably wrong.</summary>
    private static async Task<Func<Task>> FirstJsonAsync(Call call, ServiceAccess service, CancellationToken cancellationToken)
    {
        await PrintStatusAsync().ConfigureAwait(false);
        return () => UpdateOrNoteAsync(PrintStatusAsync, line =>
        {
            call.Note(line);
            return Task.CompletedTask;
        }, cancellationToken);

        async Task PrintStatusAsync() =>
            call.Screen.JsonLine(await service.StatusAsync(cancellationToken).ConfigureAwait(false), RecoveryReportJson.Default.RecoveryReport);
    }

    private static async Task<Func<Task>> FirstTextAsync(
        Call call, ServiceAccess service, TimeSpan every, bool inPlace, CancellationToken cancellationToken)
    {
        string text = await service.StatusTextAsync(cancellationToken).ConfigureAwait(false);
        if (inPlace)
        {
            call.Screen.Clear();
        }

        Print(text, problem: null);
        return () => UpdateOrNoteAsync(
            async () => Print(text = await service.StatusTextAsync(cancellationToken).ConfigureAwait(false), problem: null),
            line =>
            {
                Print(inPlace ? text : "", line);
                return Task.CompletedTask;
            },
            cancellationToken);

        void Print(string status, string? problem)
        {
            string now = PlainText.Time(call.Environment.Time.GetUtcNow());
            string heading = inPlace ? $"{now}  {service.Target}  every {PlainText.Duration(every)}, Ctrl-C to quit" : $"--- {now}";
            string[] lines = [heading, .. problem is null ? [] : new[] { $"!!! {problem}{(inPlace ? " The last status was:" : "")}" }, .. Screen.Plain(status)];
            if (inPlace)
            {
                call.Screen.Redraw(lines);
            }
            else
            {
                call.Screen.Lines(string.Join('\n', lines));
            }
        }
    }

    private static async Task UpdateOrNoteAsync(Func<Task> update, Func<string, Task> note, CancellationToken cancellationToken)
    {
        try
        {
            await update().ConfigureAwait(false);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested && Failures.Of(exception) is { ExitCode: ExitCode.Unreachable })
        {
            await note(Failures.Of(exception).Message).ConfigureAwait(false);
        }
    }
}
