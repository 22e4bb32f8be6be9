# SPDX-License-Identifier: Apache-2.0
"""skybus-plugin-check finds each rule that a plugin breaks, says which and where, and nothing of one in order.

Called with the checker, the folder of the plugins that break rules on purpose (plugin.c), that of those which the
loader refuses, and that of the real ones.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).parent
CHECKER, BROKEN, LOADER, REAL = (pathlib.Path(path) for path in sys.argv[1:5])

# The plugin: the check that must find it, the call that is named, and a part of the sentence.
FINDINGS = {
    'aborts': ('verdicts', 'decide()', 'aborted'),
    'accept-changes': ('messages', 'accept()', 'changed something: the query'),
    'accept-stores': ('messages', 'accept()', r'called store_put\(\): it is only asked'),
    'attach-leaks': ('attach', 'detach()', 'bytes stay on the heap each time that a link comes and goes'),
    'attach-leaves-timer': ('attach', '', r'attach\(\) failed and left something under way'),
    'crashes-at-refusal': ('refusals', 'the completion of open_session()', 'crashed .SIGSEGV .* a NULL pointer'),
    'crashes-at-timeout': ('answers', 'the completion of send_request()',
                           'crashed .SIGSEGV .* in the function on_auth'),
    'encode-impure': ('messages', 'encode()', 'is not pure: the query is another'),
    'endless': ('verdicts', 'decide()', r'did not return within \d+ s'),
    'exits': ('answers', '', 'ended the process with the status 3'),
    'failed-after-online': ('answers', 'the completion of send_request()',
                            r'online\(\) was called while no login\(\) was under way'),
    'frees-sent': ('login', 'the completion of open_session()', 'with a request that was sent'),
    'gather-counts-on': ('messages', 'gather()', 'changed something'),
    'gather-too-many': ('messages', 'gather()', 'returned 7 of 6'),
    'keeps-message': ('verdicts', 'decide()',
                      r"touched the message's payload that was lent to encode\(\), which has returned"),
    'keeps-reply': ('messages', 'encode()', "touched the reply's payload that was lent to the completion"),
    'keeps-setting': ('links', 'attach()', 'touched the setting "device", whose time is over'),
    'keeps-stored': ('messages', 'encode()', r'touched the value from store_get\(\), whose time is over'),
    'login-leaks': ('login', 'login()', 'bytes stay on the heap with each login'),
    'mixes-links': ('links', '', 'two links mix'),
    'never-ends': ('answers', 'the completion of send_request()', 'ended neither with online'),
    'never-frees': ('login', '', 'was neither sent nor freed'),
    'online-twice': ('login', 'the completion of store_put()', 'while no login'),
    'opens-file': ('attach', 'attach()', 'made the system call openat, which touches files'),
    'opens-socket': ('login', 'login()', 'made the system call socket, which talks to the network'),
    'prints': ('login', 'login()', 'printed "logging in"'),
    'reads-beyond': ('messages', 'encode()', "went beyond the end of the message's payload"),
    'reads-reply-beyond': ('login', 'the completion of send_request()', "went beyond the end of the reply's payload"),
    'reason-beyond': ('messages', 'encode()', 'went beyond the end of the verdict'),
    'reason-endless': ('verdicts', 'decide()', 'gave a reason without end'),
    'reason-missing': ('verdicts', 'decide()', 'gave the verdict 4 without a reason'),
    'refusal-leaks': ('attach', '', 'bytes stay on the heap each time that this happens'),
    'says-anything': ('login', 'login()', r'printed "\?\?\[2J"'),
    'size-missing': ('login', 'the completion of store_put()', 'the terms has the size 0'),
    'sleeps': ('messages', 'encode()', 'made the system call clock_nanosleep, which waits'),
    'starts-thread': ('login', 'login()', 'starts a thread'),
    'stores-reserved': ('login', 'login()', r'store_put\("\.token"\) was given'),
    'tells-secret': ('login', 'login()', 'a line of the log tells the secret secret'),
    'timer-crashes': ('login', 'the completion of timer_start()', 'crashed .SIGSEGV .* in the function ring'),
    'verdict-nonsense': ('verdicts', 'decide()', 'gave a verdict of the kind 7'),
    'writes-message': ('messages', 'encode()', "wrote into the message's payload, which is only lent"),
    'writes-static': ('login', 'login()', "wrote the plugin's static data, n_logins"),
}

# What the loader says.
REFUSED = {
    'badtable': 'setting 1 .lifetime.: its default is not a value it allows',
    'huge': 'says a size of 65537 bytes',
    'manysettings': 'it has 257 settings',
    'nocall': r'lacks login\(\)',
    'noname': 'does not say its name',
    'nosymbol': 'does not export skybus_plugin_v1',
    'notable': 'which cannot be: give it a table',
    'reserved': 'as every link has',
    'small': 'says a size of',
    'undefined': 'undefined symbol',
    'v2': 'it exports skybus_plugin_v2',
    'wrongname': 'says that its name is',
}


def run(*args):
    return subprocess.run([CHECKER, *args], capture_output=True, text=True, timeout=300)


def check(plugin, *args):
    """The exit status, and each check by its name."""
    ended = run('--json', plugin, *args)
    report = json.loads(ended.stdout)
    return ended.returncode, report, {row['check']: row for row in report['checks']}


def with_cloud(name):
    return check(BROKEN / f'{name}.so', '--cloud', HERE / 'cloud.yaml')


class Broken(unittest.TestCase):
    """One test for each rule; they are made below."""

    @classmethod
    def setUpClass(cls):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            cls.results = dict(zip(FINDINGS, pool.map(with_cloud, FINDINGS)))

    def expect(self, name, where, call, sentence):
        status, report, checks = self.results[name]
        self.assertEqual((status, report['passed']), (1, False))
        self.assertEqual(checks[where]['result'], 'failed', checks)
        found = checks[where]['findings']
        self.assertTrue(any(one['call'] == call and re.search(sentence, one['text']) for one in found), found)

    def test_each_variant_is_expected(self):
        variants = {path.stem for path in BROKEN.glob('*.so')}
        self.assertEqual(variants, set(FINDINGS) | {'nothing', 'reads-clock'})


def make_test(name, expected):
    return lambda self: self.expect(name, *expected)


for NAME, EXPECTED in FINDINGS.items():
    setattr(Broken, 'test_' + NAME.replace('-', '_'), make_test(NAME, EXPECTED))


class Loader(unittest.TestCase):
    def test_says_the_same_as_the_daemon(self):
        for name, sentence in REFUSED.items():
            with self.subTest(name):
                status, _, checks = check(LOADER / f'{name}.so')
                self.assertEqual(status, 1)
                self.assertRegex(checks['file']['findings'][0]['text'], sentence)
                self.assertEqual(checks['login']['result'], 'skipped')


class Good(unittest.TestCase):
    def test_nothing_is_found(self):
        status, report, checks = with_cloud('nothing')
        self.assertEqual((status, report['passed'], report['plugin']), (0, True, 'nothing'))
        self.assertEqual({name: row['result'] for name, row in checks.items() if row['result'] != 'passed'}, {})
        self.assertEqual([row['findings'] + row['warnings'] + row['not_checked'] for row in checks.values()],
                         [[]] * len(checks))

    def test_a_warning_is_no_failure(self):
        status, _, checks = with_cloud('reads-clock')
        self.assertEqual(status, 0)
        self.assertRegex(checks['symbols']['warnings'][0]['text'], r'calls time\(\)')


class Real(unittest.TestCase):
    def test_the_plugins_keep_the_rules(self):
        for settings in sorted((HERE / 'real').glob('*.settings.yaml')):
            name = settings.name.removesuffix('.settings.yaml')
            plugin = name.removesuffix('-symmetric')
            with self.subTest(name):
                status, report, checks = check(REAL / f'{plugin}.so', '--settings', settings, '--cloud',
                                               HERE / 'real' / f'{plugin}.cloud.yaml')
                self.assertEqual((status, report['passed']), (0, True), report)
                self.assertRegex(checks['login']['text'], 'online after')
                self.assertEqual([row['check'] for row in checks.values() if row['result'] != 'passed'], [])


class Use(unittest.TestCase):
    def test_people(self):
        ended = run(BROKEN / 'sleeps.so', '--cloud', HERE / 'cloud.yaml')
        self.assertEqual(ended.returncode, 1)
        self.assertIn('broken: encode(): made the system call', ended.stdout)
        self.assertRegex(ended.stdout, r'sleeps.so breaks the rules: 1 finding\.\n$')

    def test_tap(self):
        ended = run('--tap', BROKEN / 'sleeps.so', '--cloud', HERE / 'cloud.yaml')
        self.assertEqual(ended.returncode, 1)
        lines = ended.stdout.splitlines()
        self.assertEqual(lines[:2], ['TAP version 13', '1..11'])
        self.assertEqual(sum(line.startswith(('ok ', 'not ok ')) for line in lines), 11)
        self.assertTrue(any(re.match(r'not ok \d+ - messages', line) for line in lines))

    def test_what_a_plugin_says_is_one_line_of_text(self):
        plugin = BROKEN / 'says-anything.so'
        for form in ((), ('--tap',)):
            ended = run(*form, plugin)
            self.assertEqual([line for line in ended.stdout.split('\n') if not line.isprintable()], [])
            self.assertRegex(ended.stdout, r'\n(#|       ) not checked: .*no\?ok 99 - more \?')
            self.assertNotRegex(ended.stdout, '(?m)^ok 99')
        _, report, checks = check(plugin)
        self.assertEqual(len(report['checks']), 11)
        self.assertRegex(checks['login']['not_checked'][0]['text'], r'no\?ok 99 - more \?')

    def test_without_a_cloud_it_says_what_was_not_checked(self):
        status, _, checks = check(REAL / '1nce.so')
        self.assertEqual(status, 0)
        self.assertRegex(checks['login']['not_checked'][0]['text'], 'give --cloud FILE')
        self.assertEqual(checks['messages']['result'], 'skipped')

    def test_refused_settings(self):
        ended = run(REAL / 'aliyun.so')
        self.assertEqual(ended.returncode, 2)
        self.assertRegex(ended.stderr, 'device_secret.*give --settings FILE')
        status, report, checks = check(REAL / 'aliyun.so')
        self.assertEqual((status, report['passed'], checks['attach']['result']), (2, False, 'skipped'))

    def test_wrong_use(self):
        for args, words in (
            ([], 'name one file'),
            (['--no-such'], 'unrecognized'),
            (['/no/such.so'], 'cannot read /no/such.so'),
            ([BROKEN / 'nothing.so', '--cloud', '/no/such.yaml'], '/no/such.yaml'),
            ([BROKEN / 'nothing.so', '--settings', HERE / 'cloud.yaml'], 'cloud.yaml:3:1: '),
        ):
            with self.subTest(args):
                ended = run(*args)
                self.assertEqual(ended.returncode, 2)
                self.assertIn(words, ended.stderr)


if __name__ == '__main__':
    del sys.argv[1:5]
    unittest.main()
