using System.Diagnostics;
using System.Text.RegularExpressions;

namespace SagaRecovery.Executor.Tests.Telemetry.Alerts;

/// <summary>The alerts are evaluated by promtool, as Prometheus would.</summary>
public sealed partial class AlertRuleTests(ITestOutputHelper output)
{
    private static readonly string s_rules = Path.Combine(Repository.Root, "docs/operations/prometheus-rules.yml");

    [Fact]
    public async Task Each_alert_fires_in_trouble_from_its_first_moment_to_its_end_and_is_silent_in_peace()
    {
        if (await PromtoolAsync(AlertTrial.ToYaml(s_rules, AlertTrials.All)) is not (int exitCode, string answer))
        {
            return; // and the output gives the reason
        }

        exitCode.Should().Be(0, "{0}", answer);
        answer.Should().Contain("SUCCESS");
    }

    /// <summary>Without this, a mistake in the form of the trials could let all of them pass.</summary>
    [Fact]
    public async Task A_trial_that_expects_the_opposite_fails()
    {
        AlertTrial stuck = new AlertTrial("SagaRecoverySagasStuck", "the opposite").With("saga_recovery_problems{kind=\"stuck\",acknowledged=\"false\"}", AlertTrial.For(10, 1)).IsSilent(5);

        if (await PromtoolAsync(AlertTrial.ToYaml(s_rules, [stuck])) is not (int exitCode, string answer))
        {
            return; // and the output gives the reason
        }

        exitCode.Should().Be(1);
        answer.Should().Contain("the opposite").And.Contain("FAILED");
    }

    [Fact]
    public void Each_alert_has_trials()
    {
        string[] alerts = [.. Alert().Matches(File.ReadAllText(s_rules)).Select(match => match.Groups["name"].Value)];

        alerts.Should().HaveCountGreaterThan(20).And.OnlyHaveUniqueItems();
        AlertTrials.All.Select(trial => trial.Alert).OfType<string>().Distinct().Should().BeEquivalentTo(alerts);
    }

    /// <returns>The exit code and the output; null if promtool cannot be had.</returns>
    private async Task<(int ExitCode, string Answer)?> PromtoolAsync(string trials)
    {
        (_, string path, string reason) = await RunAsync("bash", Path.Combine(Repository.Root, "tests/install-promtool.sh"));
        if (path.Length == 0)
        {
            output.WriteLine(reason);
            return null;
        }

        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, trials, TestContext.Current.CancellationToken);
            (int exitCode, string result, string error) = await RunAsync(path.Trim(), "test", "rules", file);
            return (exitCode, result + error);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static async Task<(int ExitCode, string Out, string Error)> RunAsync(string program, params IReadOnlyList<string> args)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, args) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
        Task<string> result = process.StandardOutput.ReadToEndAsync();
        string error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await result, error);
    }

    [GeneratedRegex(@"- alert: (?<name>\w+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex Alert();
}
